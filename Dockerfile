# For machines without a fitting Python: everything of `./dev install`, without a GPU.
#   docker build --tag sac-determinism .
#   docker run --rm --volume "$PWD/runs:/project/runs" sac-determinism sac train --env_id=PushCube-v1 …
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /project
COPY . .
# The CPU build of torch; with bytecode, or each new container would compile torch and the simulator anew.
ENV UV_TORCH_BACKEND=cpu \
    UV_COMPILE_BYTECODE=1 \
    PATH=/project/.nox/install/bin:$PATH
RUN ./dev install

CMD ["sac", "doctor"]
