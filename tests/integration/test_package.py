"""What is shipped: the source archive, the Debian package installed, removed and purged in a root of its own, the list
of dependencies. Built once for all of these tests, by etc/release, from the commit that is checked out."""
import gzip
import os
import pathlib
import re
import subprocess
import tarfile

import pytest

from harness import REPO, clean_environment, lua

TRACKED = subprocess.run(["git", "-C", REPO, "rev-parse", "--is-inside-work-tree"], capture_output=True).returncode == 0

pytestmark = [pytest.mark.skipif(not TRACKED, reason="releases are made from a git checkout"), pytest.mark.xdist_group("package")]


def release(folder, *arguments):
    made = subprocess.run([REPO / "etc/release", *arguments, folder], capture_output=True, text=True, timeout=600)
    assert made.returncode == 0, made.stdout + made.stderr
    return pathlib.Path(folder)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    return release(tmp_path_factory.mktemp("release"))


@pytest.fixture
def package(released):
    return next(released.glob("*.deb"))


def test_the_source_is_the_same_whenever_it_is_packed(tmp_path, released):
    again = release(tmp_path, "--source-only")
    name = next(again.glob("*.tar.gz")).name
    assert (again / name).read_bytes() == (released / name).read_bytes()
    with tarfile.open(again / name) as archive:
        members = {member.name.split("/", 1)[1] for member in archive.getmembers() if "/" in member.name}
    tracked = set(subprocess.run(["git", "-C", REPO, "ls-files"], capture_output=True, text=True, check=True).stdout.split("\n")[:-1])
    assert tracked - members == {path for path in tracked if path.startswith(".ci/") or path == ".gitattributes"}
    assert gzip.open(again / name).read(1)


def test_sums_are_right(released):
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=released, capture_output=True, text=True)
    assert checked.returncode == 0 and checked.stdout.count(": OK") == 3


def test_all_that_it_is_linked_with_is_listed(released):
    rows = [line.split(maxsplit=3) for line in next(released.glob("*.sbom.txt")).read_text().splitlines()]
    names = {row[0] for row in rows}
    assert {"providerd", "libc6", "libcurl4", "libsqlite3-0", "libssl3", "zlib1g", "libjs-dygraphs"} <= names
    assert any(name.startswith("libh2o-evloop") for name in names) and any(name.startswith("liblua5.4") for name in names)
    assert all(len(row) == 4 and row[1][0].isdigit() for row in rows)


def test_what_the_package_says_of_itself(package):
    told = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^Depends: .*libc6 .*libh2o-evloop", told, re.M)
    listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"^\S+ (?!root/root)", listed, re.M), "all of it is root's"
    assert "tests/" not in listed and "/dashboard/vendor/dygraph.min.js" in listed


class Root:
    """A root of its own, in which dpkg runs maintainer scripts by DPKG_ROOT instead of chroot."""

    def __init__(self, folder):
        self.folder = folder
        for path in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "tmp"):
            (folder / path).mkdir(parents=True)
        (folder / "var/lib/dpkg/status").touch()
        (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (folder / "etc/group").write_text("root:x:0:\n")

    def dpkg(self, *arguments):
        done = subprocess.run(["dpkg", f"--root={self.folder}", "--force-script-chrootless", "--force-depends", "--force-not-root",
                               "--force-confdef", "--force-confold", *map(str, arguments)], capture_output=True, text=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        assert done.returncode == 0, done.stdout + done.stderr

    def __truediv__(self, path):
        return self.folder / path

    def state(self):
        told = subprocess.run(["dpkg-query", f"--root={self.folder}", "-W", "-f", "${db:Status-Abbrev}", "providerd"], capture_output=True, text=True)
        return told.stdout.strip()


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path / "root")


def test_it_is_installed_runs_and_keeps_what_the_administrator_wrote(root, package, tmp_path):
    root.dpkg("-i", package)
    assert root.state() == "ii"
    assert (root / "etc/providerd/providerd.env").stat().st_mode & 0o777 == 0o600
    assert "\nproviderd:" in (root / "etc/passwd").read_text()
    assert (root / "usr/lib/systemd/system/providerd.service").exists()
    binary = root / "usr/bin/providerd"
    assert subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.startswith("providerd ")
    config = tmp_path / "here.lua"  # the installed one, with the paths of this root
    config.write_text((root / "etc/providerd/providerd.lua").read_text().replace('"/usr/share', f'"{root.folder}/usr/share'))
    tested = subprocess.run([binary, "-c", config, "-t"], capture_output=True, text=True, env=clean_environment(), cwd=tmp_path)
    assert tested.returncode == 0, tested.stderr
    assert "are sound" in tested.stdout
    changed = root / "etc/providerd/providerd.lua"
    changed.write_text("return " + lua({"listen": "127.0.0.1:9999"}) + "\n")
    root.dpkg("-i", package)
    assert "9999" in changed.read_text(), "a conffile that was changed stays"


def test_removed_it_leaves_the_configuration_and_purged_nothing(root, package):
    root.dpkg("-i", package)
    history = root / "var/lib/private/providerd"
    history.mkdir(parents=True)
    (history / "provider_status.db").write_text("history")
    root.dpkg("-r", "providerd")
    assert root.state() == "rc"
    assert not (root / "usr/bin/providerd").exists()
    assert (root / "etc/providerd/providerd.lua").exists() and (history / "provider_status.db").exists()
    root.dpkg("-P", "providerd")
    assert root.state() in ("", "un", "pn")
    left = [str(path.relative_to(root.folder)) for path in root.folder.rglob("*providerd*")
            if "systemd/deb-systemd" not in str(path)]
    assert left == []
