"""`watch = true`: editing a file reloads by itself, in whatever way it is edited."""
import os
import shutil
import time

import pytest

from harness import REPO, wait_for
from made import good, script


@pytest.fixture
def watching(made):
    def start(specs=None, **settings):
        return made(specs or {"a": good(1.0)}, watch=True, **settings)
    return start


def names(running):
    return sorted(running.get("/api/providers/status").json["providers"])


def becomes(running, *expected):
    wait_for(lambda: names(running) == sorted(expected), f"the providers to be {expected}")


def write(path, text):
    path.write_text(text)


def rename_over(path, text):
    other = path.with_name("." + path.name + ".new")
    other.write_text(text)
    other.rename(path)


def with_a_backup(path, text):
    shutil.copy(path, path.with_name(path.name + "~"))
    path.rename(path.with_name(path.name + ".bak"))
    path.write_text(text)


def remove_and_make(path, text):
    path.unlink()
    path.write_text(text)


def link(path, text):
    target = path.with_name("target.txt")
    target.write_text(text)
    path.unlink()
    path.symlink_to(target)


@pytest.mark.parametrize("edit", [write, rename_over, with_a_backup, remove_and_make, link])
def test_a_script_is_loaded_when_it_has_been_edited(watching, providers, edit):
    running = watching()
    edit(providers / "made.lua", script({"a": good(1.0), "b": good(2.0)}))
    becomes(running, "a", "b")
    running.wait_for_line(r"watch: made.lua has changed: reloading")


def test_new_and_removed_scripts_count(watching, providers):
    running = watching()
    (providers / "more.lua").write_text(script({"b": good(2.0)}))
    becomes(running, "a", "b")
    (providers / "more.lua").unlink()
    becomes(running, "a")


def test_changes_that_come_together_are_one_reload(watching, providers):
    running = watching()
    before = running.get("/api/providers/health").json["reloads"]
    for i in range(20):
        (providers / f"more{i}.lua").write_text(script({f"m{i}": good(2.0)}))
    becomes(running, "a", *(f"m{i}" for i in range(20)))
    assert running.get("/api/providers/health").json["reloads"] - before <= 3


def test_a_broken_script_changes_nothing_until_it_is_mended(watching, providers):
    running = watching()
    (providers / "made.lua").write_text("return {")
    running.wait_for_line(r"reload refused, all goes on as before: .*made.lua")
    assert names(running) == ["a"]
    (providers / "made.lua").write_text(script({"c": good(1.0)}))
    becomes(running, "c")


def test_the_configuration_and_libraries_count(watching, tmp_path):
    plugins = tmp_path / "plugins"
    shutil.copytree(REPO / "plugins", plugins)
    running = watching(plugin_paths=[str(plugins)])
    (plugins / "policies/mine.lua").write_text((plugins / "policies/sticky.lua").read_text())
    wait_for(lambda: any(policy["name"] == "mine" for policy in running.get("/api/policies").json["policies"]))
    mark = len(running.lines)
    (plugins / "lib/order.lua").write_text((plugins / "lib/order.lua").read_text() + "\n")
    running.wait_for_line(r"watch: order.lua has changed", mark)
    config = tmp_path / "providerd.lua"
    config.write_text(config.read_text().replace("return {", 'return { policy = "mine",', 1))
    wait_for(lambda: running.get("/api/policies").json["default"] == "mine")


def test_other_files_do_not_count(watching, providers, tmp_path):
    running = watching()
    mark = len(running.lines)
    (providers / "README.md").write_text("no script")
    (providers / ".made.lua.swp").write_text("an editor's")
    (tmp_path / "other.lua").write_text("return {}")
    (providers / "made.lua").touch()
    os.utime(providers / "made.lua")
    (providers / "zz.lua").write_text("return {}")  # this one does: by then the others have been seen
    running.wait_for_line(r"watch: zz.lua has changed", mark)
    assert "README" not in running.log and "other.lua" not in running.log


def test_a_folder_that_goes_away_is_found_again(watching, providers):
    running = watching()
    aside = providers.with_name("aside")
    providers.rename(aside)
    running.wait_for_line(r"watch: .*providers has changed")
    assert names(running) == ["a"]
    (aside / "made.lua").write_text(script({"d": good(1.0)}))
    aside.rename(providers)
    becomes(running, "d")
    (providers / "made.lua").write_text(script({"e": good(1.0)}))
    becomes(running, "e")


def test_watching_is_switched_by_a_reload(made, providers, tmp_path):
    running = made({"a": good(1.0)})
    config = tmp_path / "providerd.lua"
    (providers / "made.lua").write_text(script({"b": good(1.0)}))
    time.sleep(0.5)  # longer than a change takes
    assert names(running) == ["a"]
    config.write_text(config.read_text().replace("return {", "return { watch = true,", 1))
    assert running.reload()
    becomes(running, "b")
    (providers / "made.lua").write_text(script({"c": good(1.0)}))
    becomes(running, "c")
    mark = len(running.lines)
    config.write_text(config.read_text().replace("watch = true", "watch = false", 1))
    running.wait_for_line(r"watch: providerd.lua has changed", mark)
    running.wait_for_line(r"reloaded in", mark)
    mark = len(running.lines)
    (providers / "made.lua").write_text(script({"d": good(1.0)}))
    time.sleep(0.5)
    assert "has changed" not in "".join(running.lines[mark:])
