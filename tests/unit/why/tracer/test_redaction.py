"""What looks like a secret is left out of command lines that are kept, and nothing else is."""

import pytest

from sac.why.tracer.redaction import LEFT_OUT, redacted

X = LEFT_OUT


@pytest.mark.parametrize(
    "words, kept",
    [
        (["train.py", "--api-key", "abc", "--seed", "1"], ["train.py", "--api-key", X, "--seed", "1"]),
        (["--wandb_token=abc"], [f"--wandb_token={X}"]),
        (["WANDB_API_KEY=abc", "PASSWORD=x"], [f"WANDB_API_KEY={X}", f"PASSWORD={X}"]),
        (["logger.access_key=abc"], [f"logger.access_key={X}"]),
        (["--token", "--verbose"], ["--token", "--verbose"]),
        (["--password", "-", "x"], ["--password", "-", "x"]),
        (["https://me:pass@host/x"], [f"https://me:{X}@host/x"]),
        (["--hub", "hf_abcdefghijklmnopqrst"], ["--hub", X]),
        (["key:ghp_0123456789abcdefghij"], [f"key:{X}"]),
        (["aB3" * 14], [X]),
    ],
)
def test_a_secret_is_left_out(words, kept):
    assert redacted(words) == kept


@pytest.mark.parametrize(
    "words",
    [
        ["python", "train.py", "--seed=1", "--env", "PushCube-v1", "--run_dir=runs/StackCube-v1/2024-12-01_longName3"],
        ["--tokenizer", "gpt2"][1:],
        ["--revision", "4f2c1f7b9d0e4f2c1f7b9d0e4f2c1f7b9d0e4f2c"],
        ["--keyboard=qwertz", "--keys", "4", "--lr", "3e-4", "a=b", "x@y", "--out", "runs/{run}"],
        ["policy_kwargs=dict(net_arch=[256, 256], activation_fn=torch.nn.ReLU)"],
    ],
)
def test_what_is_no_secret_is_kept(words):
    assert redacted(words) == words
