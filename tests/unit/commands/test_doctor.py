"""`sac doctor` tells what a script of one's own would meet, not only what `sac` sets for itself."""

from sac.commands import doctor
from sac.numerics.profiles import PROFILES


def test_a_shell_without_the_profiles_variables_is_told_what_to_call(monkeypatch):
    monkeypatch.setattr(doctor, "_FOUND", {"OMP_DYNAMIC": "FALSE"})
    finding = doctor._scripts()
    assert not finding.good and not finding.needed
    assert "MKL_DYNAMIC" in finding.text and "OMP_DYNAMIC" not in finding.text
    assert "sac.numerics.prepare('deterministic')" in finding.text and "sac.train(...)" in finding.text


def test_a_shell_that_has_set_them_is_well(monkeypatch):
    monkeypatch.setattr(doctor, "_FOUND", dict(PROFILES["deterministic"].environment))
    assert doctor._scripts().good
