"""The compose file is whole: it parses, and what each service must have, it has. No container is started here."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yml").read_text())
SERVICES = COMPOSE["services"]
ONCE = {name for name, service in SERVICES.items() if service.get("restart") == "no"}
# By its path: an installed package has the folder's name.
SPEC = importlib.util.spec_from_file_location("keys", DOCKER / "keys.py")
assert SPEC is not None and SPEC.loader is not None
keys = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(keys)
PINNED = re.compile(r"^[\w./-]+:(?=[\w.-]*\d)[\w.-]+$")


def from_lines(dockerfile: Path) -> list[str]:
    """The images that a Dockerfile builds on, without its own stages."""
    found = re.findall(r"^FROM (\S+)(?: AS (\S+))?", dockerfile.read_text(), flags=re.MULTILINE)
    stages = {stage for _, stage in found}
    return [image for image, _ in found if image not in stages]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_pinned_non_root_and_can_be_asked_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert PINNED.match(service["image"]), service["image"]
    assert service["user"] in ("1000:1000", "postgres")
    assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    if name in ONCE:
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["healthcheck"]["test"][0].startswith("CMD") and service["restart"] == "unless-stopped"


@pytest.mark.parametrize("dockerfile", sorted(DOCKER.rglob("Dockerfile")), ids=lambda path: path.parent.name)
def test_every_image_is_pinned_non_root_and_has_a_healthcheck(dockerfile: Path) -> None:
    images = from_lines(dockerfile)
    assert images and all(PINNED.match(image) for image in images), images
    text = dockerfile.read_text()
    assert re.search(r"^USER 1000:1000$", text, flags=re.MULTILINE) and "HEALTHCHECK" in text
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, flags=re.MULTILINE):
        context = DOCKER.parent if dockerfile.parent == DOCKER else dockerfile.parent
        for source in line.split():
            assert (context / source).exists(), f"{dockerfile} copies {source}, which is not there"


def test_services_wait_for_what_they_need_and_only_two_doors_lead_in() -> None:
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert wait["condition"] == wanted, f"{name} waits for {other}"
    doors = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(doors) == {"airflow-api-server", "mlflow"}
    assert all(port.startswith("127.0.0.1:") for ports in doors.values() for port in ports)
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_no_secret_stands_in_the_file_and_every_one_is_made(tmp_path: Path) -> None:
    text = (DOCKER / "compose.yml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    place = tmp_path / ".env"
    assert keys.main(place) == 0
    first = place.read_text()
    assert asked == {line.partition("=")[0] for line in first.splitlines()}
    assert place.stat().st_mode & 0o777 == 0o600
    assert keys.main(place) == 0 and place.read_text() == first, "keys that are in use were replaced"
    assert "FabAuthManager" in text and "SIMPLE_AUTH" not in text


def test_compose_itself_reads_it(tmp_path: Path) -> None:
    """Debian's Compose 1 does not know the project's name at the top, and all else."""
    command, file = ["docker", "compose"], DOCKER / "compose.yml"
    if not shutil.which("docker") or subprocess.run([*command, "version"], capture_output=True).returncode:
        if not shutil.which("docker-compose"):
            pytest.skip("Docker Compose is not on this machine")
        command, file = ["docker-compose"], tmp_path / "compose.yml"
        file.write_text(re.sub(r"^name: .*\n", "", (DOCKER / "compose.yml").read_text(), flags=re.MULTILINE))
    env = {**os.environ, **keys.made()}
    asked = [*command, "--project-directory", "docker", "-f", str(file), "config"]
    done = subprocess.run(asked, cwd=ROOT, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert set(yaml.safe_load(done.stdout)["services"]) == set(SERVICES)
    del env["WAREHOUSE_PASSWORD"]
    refused = subprocess.run(asked, cwd=ROOT, env=env, capture_output=True)
    assert refused.returncode != 0 and b"WAREHOUSE_PASSWORD" in refused.stderr
