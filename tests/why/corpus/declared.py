"""What must be found in each script of the corpus: a line a script."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Planted:
    """A declaration.

    Attributes:
        script: name of the script.
        cause: name in the catalogue; empty if nothing must be found.
        kind: kind of the event at which the runs part.
        options: of `sac why`.
        warning: kind of an audit finding that must be there.
    """

    script: str
    cause: str = ""
    kind: str = ""
    options: tuple[str, ...] = ()
    warning: str = ""

    @property
    def path(self) -> Path:
        """The script's file."""
        return HERE / f"{self.script}.py"

    @property
    def line(self) -> int:
        """The line that must be named."""
        lines = self.path.read_text().splitlines()
        return next((number for number, text in enumerate(lines, start=1) if text.endswith("# CAUSE")), 0)


CORPUS = (
    Planted("unseeded_space", "unseeded-space", "space.sample"),
    Planted("unseeded_reset", "unseeded-reset", "draw"),
    Planted("evaluation_consumes", "consumed-elsewhere", "draw", options=("--vary", "EVERY=2,3")),
    Planted("unseeded_replay", "unseeded-replay", "draw"),
    Planted("unseeded_generator", "unseeded-generator", "draw"),
    Planted("set_order", "set-order", "module.forward"),
    Planted("listing_order", "listing-order", "module.forward", options=("--vary", "listdir")),
    Planted("seed_from_time", "seed-from-clock", "seed"),
    Planted("seed_from_pid", "seed-from-pid", "seed"),
    Planted("completion_order", "completion-order", "module.forward"),
    Planted("queue_order", "completion-order", "module.forward"),
    Planted("prefetch_draws", "thread-race", "module.forward"),
    Planted("endless_producers", "completion-order", "module.forward"),
    Planted("append_order", "thread-order", "module.forward"),
    Planted("seed_from_hash", "seed-from-hash", "seed"),
    Planted("dropout_in_evaluation", "dropout-in-evaluation", "module.forward"),
    Planted("uninitialised_memory", "uninitialised", "module.forward"),
    Planted("thread_count", "thread-count", "module.forward", options=("--vary", "OMP_NUM_THREADS=1,2")),
    Planted("dict_by_id", "id-order", "module.forward"),
    Planted("seeded_too_late", "seeded-too-late", "draw"),
    Planted("spawned_workers", "unseeded-reset", "draw"),
    Planted("thread_race", "thread-race", "draw"),
    Planted("pool_race", "pool-race", "draw"),
    Planted("pool_race_long", "pool-race", "draw"),
    Planted("loader_workers", "unseeded-generator", "draw"),
    Planted("one_run_ended", "one-run-ended", "draw"),
    Planted("env_reset", "unseeded-reset", "draw"),
    Planted("vector_reset", "unseeded-reset", "draw"),
    Planted("global_method", "unseeded-global", "draw"),
    Planted("random_state", "unseeded-generator", "draw"),
    Planted("random_object", "unseeded-generator", "draw"),
    Planted("own_torch_generator", "unseeded-generator", "draw"),
    Planted("torch_seed", "seed-from-entropy", "seed"),
    Planted("functional_dropout", "unseeded-global", "module.forward"),
    Planted("library_draw", "unseeded-global", "draw"),
    Planted("logging_draw", "consumed-elsewhere", "draw"),
    Planted("time_budget", "clock-value", "draw"),
    Planted("time_between", "clock-value", "draw"),
    Planted("time_of_epochs", "clock-value", "draw"),
    Planted("set_pop", "set-order", "module.forward"),
    Planted("tied_keys", "set-order", "printed"),
    Planted("set_of_objects", "set-order", "module.forward"),
    Planted("entropy_long_run", "seed-from-entropy", "seed"),
    Planted("set_of_tasks", "set-order", "printed"),
    Planted("numpy_memory", "uninitialised", "printed"),
    Planted("threads_own_generator", "thread-race", "draw"),
    Planted("asyncio_order", "completion-order", "printed"),
    Planted("optional_seed", "unseeded-generator", "draw"),
    Planted("seed_by_name", "seed-from-clock", "printed"),
    Planted("hashed_split", "hash-value", "module.forward"),
    Planted("set_as_text", "set-order", "seed"),
    Planted("worker_number", "entropy-value", "printed"),
    Planted("system_generator", "entropy-value", "printed"),
    Planted("single_space", "unseeded-space", "space.sample"),
    Planted("threads_fill_dict", "thread-order", "printed"),
    Planted("tasks_append", "completion-order", "printed"),
    Planted("callback_order", "completion-order", "printed"),
    Planted("first_of_futures", "completion-order", "seed"),
    Planted("temporary_names", "entropy-value", "printed"),
    Planted("state_as_seed", "unseeded-global", "seed"),
    Planted("thread_number", "seed-from-pid", "seed"),
    Planted("sequence_of_seeds", "unseeded-generator", "seed"),
    Planted("reset_by_hash", "seed-from-hash", "env.reset"),
    Planted("names_decide_length", "entropy-value", "draw"),
    Planted("time_of_processor", "clock-value", "printed"),
    Planted("set_in_json", "set-order", "printed"),
    Planted("seed_of_database", "outside-value", "seed"),
    Planted("seed_of_none", "seed-from-entropy", "draw"),
    Planted("program_seed", "program-output", "seed"),
    Planted("fails_in_the_end", "set-order", "draw"),
    Planted("memory_in_a_sum", "uninitialised", "printed"),
    Planted("memory_of_many", "uninitialised", "module.forward"),
    Planted("wrapper_generator", "unseeded-generator", "draw"),
    Planted("thread_count_backward", "thread-count", "optimizer.step", options=("--vary", "OMP_NUM_THREADS=1,2")),
    Planted("import_draws", "unseeded-global", "draw"),
    Planted("library_asks_today", "seed-from-clock", "seed"),
    Planted("processes_share", "process-race", "module.forward"),
    Planted("processes_add", "process-race", "printed"),
    Planted("ignored_seed", "unseeded-generator", "draw"),
    Planted("log_record_time", "seed-from-clock", "seed"),
    Planted("shuffled_rows", "outside-value", "seed"),
    Planted("shared_seed", warning="shared-seed"),
    Planted("clean_training"),
    Planted("clean_vector"),
    Planted("clean_workers"),
    Planted("clean_pool"),
    Planted("clean_pool_long"),
    Planted("clean_processes"),
    Planted("clean_threads"),
    Planted("clean_queue"),
    Planted("clean_threads_fill"),
    Planted("clean_state_restored"),
    Planted("clean_tasks"),
    Planted("clean_env_threads"),
    Planted("clean_again"),
    Planted("clean_handlers"),
    Planted("clean_long_run"),
    Planted("clean_own_folder"),
)
