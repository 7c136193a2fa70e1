"""Set-up in parts: what is done stays done, what is missing is named with the command that mends it."""

import hashlib
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.lib import setup

ROOT = Path(__file__).parents[3]


def checkout(root: Path) -> Path:
    """A folder that looks like a checkout whose set-up is complete; returns its .venv."""
    venv = root / ".venv"
    for file in (venv / "bin" / "python", venv / "java" / "bin" / "java", venv / "jars" / "delta.jar"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    (root / "requirements.txt").write_text("uv==1 \\\n    --hash=sha256:00\n")
    lock = hashlib.sha256((root / "requirements.txt").read_bytes()).hexdigest()
    done = {"lock": lock, "delta": list(setup.DELTA_JARS), "classes": [lock, *setup.DELTA_JARS]}
    setup.write_stamp(venv, {**done, "jars": ["delta.jar"]})
    return venv


def java(folder: Path, version: str) -> Path:
    """A program that answers as ``java`` of a version does."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    lines = f"    java.home = {folder}\n    java.specification.version = {version}\n"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{lines}END\n")
    program.chmod(0o755)
    return program


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    checkout(tmp_path)
    assert setup.set_up(tmp_path, {}) is False


def test_a_java_that_moved_is_found_again_without_the_network(tmp_path: Path) -> None:
    venv = checkout(tmp_path)
    (venv / "java" / "bin" / "java").unlink()
    there = java(tmp_path / "jdk-17", "17")
    assert setup.set_up(tmp_path, {"JAVA_HOME": str(there.parents[1])}) is True
    assert (venv / "java").resolve() == tmp_path / "jdk-17"


def test_without_an_archive_of_classes_set_up_is_complete_all_the_same(tmp_path: Path, capsys) -> None:
    """The python of this checkout cannot be run; the archive of an earlier Java is not kept beside the new one."""
    venv = checkout(tmp_path)
    setup.write_stamp(venv, {**setup.stamp(venv), "classes": ["of another lock"]})
    (venv / "spark.jsa").write_text("of another Java")
    assert setup.set_up(tmp_path, {}) is True
    assert "no archive" in capsys.readouterr().out and not (venv / "spark.jsa").exists()
    assert setup.set_up(tmp_path, {}) is False


def test_another_lock_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = checkout(tmp_path)
    lock = tmp_path / "requirements.txt"
    lock.write_text(lock.read_text() + "# more\n")
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(setup.SetupError, match=r"(?s)uv==1.*Is the network there.*make setup again"):
        setup.set_up(tmp_path, {})
    assert setup.stamp(venv)["delta"] == list(setup.DELTA_JARS)


def test_java_home_comes_before_path_and_too_old_a_java_does_not_count(tmp_path: Path) -> None:
    old, good, new = (java(tmp_path / name, version) for name, version in (("a", "11"), ("b", "21"), ("c", "25")))
    assert setup.java_home({"JAVA_HOME": str(old.parents[1]), "PATH": str(good.parent)}) == tmp_path / "b"
    assert setup.java_home({"JAVA_HOME": str(good.parents[1]), "PATH": str(old.parent)}) == tmp_path / "b"
    assert setup.java_home({"PATH": str(new.parent)}) is None
    assert setup.java_home({"PATH": ""}) is None


def test_the_script_around_a_brought_java_drops_the_one_option(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text('#!/bin/sh\nfor argument in "$@"; do echo "<$argument>"; done\n')
    real.chmod(0o755)
    script = tmp_path / "java"
    script.write_text(setup.JAVA_SCRIPT.format(java=real))
    script.chmod(0o755)
    given = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "-cp", "a b:c*", "org.apache.Main", ""]
    said = subprocess.run([script, *given], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["<-Xmx1g>", "<-cp>", "<a b:c*>", "<org.apache.Main>", "<>"]


def test_a_failed_command_shows_its_end_and_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(setup.SetupError, match=r"(?s)ended with 3:\n.*no such thing.*do this"):
        setup.run(["sh", "-c", "echo no such thing; exit 3"], tmp_path / "log", "do this")


def test_without_python_3_11_the_ways_to_get_it_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(setup.SetupError, match=r"(?s)Python 3\.11 is missing.*apt install python3\.11"):
        setup.find_python()


def test_the_lock_pins_uv_and_hashes_everything() -> None:
    for name in ("requirements.txt", "requirements-java.txt"):
        text = (ROOT / name).read_text()
        pins = [pin for pin in re.split(r"\n(?=\S)", text) if not pin.startswith("#")]
        assert pins
        assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []
        assert "://" not in text, "a lock names no registry"
    text = (ROOT / "requirements.txt").read_text()
    versions = dict(re.findall(r"^([a-z0-9-]+)(?:\[\S+\])?==(\S+)", text, flags=re.MULTILINE))
    assert versions["pyspark"] == versions["pyspark-client"]
    assert versions["delta-spark"] == setup.DELTA_JARS[0].rsplit(":", 1)[1]


def test_what_tests_need_comes_by_apt_or_its_absence_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = setup.FOR_TESTS[0]._replace(is_here=lambda: (tmp_path / "installed").exists())
    apt = tmp_path / "apt-get"
    apt.write_text(f"#!/bin/sh\nif [ $1 = install ]; then : > {tmp_path}/installed; fi\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not setup.provide(wanted, tmp_path / "log")
    assert "not root with apt: the tests of the warehouse on Postgres are skipped" in capsys.readouterr().out
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert setup.provide(wanted, tmp_path / "log")
    (tmp_path / "installed").unlink()
    apt.write_text("#!/bin/sh\necho no network; exit 100\n")
    assert not setup.provide(wanted, tmp_path / "log")
    assert "no network" in capsys.readouterr().out


def test_set_up_uses_the_standard_library_alone() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import setup; print(*(m.split('.')[0] for m in sys.modules))"
    folder = str(Path(setup.__file__).parent)
    done = subprocess.run([sys.executable, "-S", "-c", code, folder], capture_output=True, text=True, check=True)
    outside = set(done.stdout.split()) - set(sys.stdlib_module_names) - {"setup", "__main__"}
    assert {name for name in outside if not name.startswith("_")} == set()


def test_this_checkout_is_ready_in_less_than_a_second() -> None:
    assert setup.stamp(ROOT / ".venv"), "run `make setup`: the tests run in what it made"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, ROOT / "jobs" / "lib" / "setup.py"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of the processor's time, not the clock's: a busy machine is no fault of set-up.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0
