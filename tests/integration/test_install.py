"""make install: what it puts where works, and the systemd units are in step with the programs."""

import os
import re
import subprocess

import pytest
from support.system import BUILD, PROGRAMS, ROOT

DAEMONS = {"gold-label-ingress": "ingress.ini", "gold-label-worker": "worker.ini"}
UNITS = {
    "gold-label-ingress": "gold-label-ingress.service",
    "gold-label-worker": "gold-label-worker@.service",
}
DAEMON = pytest.mark.parametrize("daemon", DAEMONS)


def run(*command, **environment):
    known = {name: value for name, value in os.environ.items() if not name.startswith("GOLD_LABEL_")}
    return subprocess.run(
        [*map(str, command)],
        cwd=ROOT,
        env=known | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )


BUILT = [f"B={os.path.relpath(BUILD, ROOT)}", f"BIN={os.path.relpath(PROGRAMS, ROOT)}"]


def make(target, root):
    name = str(root).replace("$", "$$")  # make's own sign
    done = run("make", target, f"DESTDIR={name}", "PREFIX=/usr", *BUILT)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Where everything is installed."""
    folder = tmp_path_factory.mktemp("root")
    make("install", folder)
    return folder


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


# ---- what is installed ----


@pytest.mark.parametrize("program", ["gold-label", *DAEMONS])
def test_an_installed_program_says_what_it_is(root, program):
    binary = root / "usr/bin" / program
    version, usage = run(binary, "--version"), run(binary, "--help")
    assert (version.returncode, usage.returncode) == (0, 0)
    assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", version.stdout)
    assert f"{program} " in usage.stdout


def test_every_program_and_every_verb_has_a_man_page(root):
    verbs = run(root / "usr/bin/gold-label", "help", "--names").stdout.split()
    assert len(verbs) > 5
    tool = {"gold-label.1"} | {f"gold-label-{verb}.1" for verb in verbs}
    assert files(root / "usr/share/man/man1") == tool
    assert files(root / "usr/share/man/man8") == {f"{daemon}.8" for daemon in DAEMONS}


MAN_PAGES = {
    "man1/gold-label.1": [
        "gold-label VERB [OPTION]...",
        "dlq replay",
        "gold-label-dlq-replay(1)",
        "results_topic",
    ],
    "man1/gold-label-send.1": ["gold-label send [OPTION]...", "--rejects"],
    "man8/gold-label-ingress.8": ["[--config FILE]", "max_pending", "SIGHUP"],
    "man8/gold-label-worker.8": ["[--config FILE]", "max_rows", "EXIT STATUS"],
}


@pytest.mark.parametrize("page", MAN_PAGES)
def test_a_man_page_can_be_read(root, page):
    shown = run("man", "--local-file", root / "usr/share/man" / page, MANPAGER="cat", MANWIDTH="100")
    assert shown.returncode == 0, shown.stdout
    missing = [text for text in MAN_PAGES[page] if text not in shown.stdout]
    assert not missing, shown.stdout


def test_bash_completes_the_options_of_a_verb(root):
    script = root / "usr/share/bash-completion/completions/gold-label"
    asked = """source "$0"
        function=$(complete -p gold-label) function=${function#*-F }
        COMP_WORDS=(gold-label send --rej) COMP_CWORD=2
        ${function% *} gold-label --rej send
        printf '%s\\n' "${COMPREPLY[@]}" """
    assert run("bash", "-c", asked, script).stdout.split() == ["--rejects"]


def test_configuration_that_is_there_is_kept(tmp_path):
    kept = tmp_path / "etc/gold-label/worker.ini"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine\n")
    make("install", tmp_path)
    assert kept.read_text() == "mine\n"
    assert (kept.parent / "ingress.ini").stat().st_mode & 0o777 == 0o640


def test_nothing_but_the_configuration_is_left_by_uninstall(tmp_path):
    make("install", tmp_path)
    make("uninstall", tmp_path)
    assert files(tmp_path) == {f"etc/gold-label/{name}" for name in DAEMONS.values()}


def test_a_root_may_have_any_name(tmp_path):
    root, beside = tmp_path / "a b's $x", tmp_path / "a"
    beside.write_text("mine\n")
    make("install", root)
    assert (root / "usr/bin/gold-label").is_file() and (root / "etc/gold-label/worker.ini").is_file()
    make("uninstall", root)
    assert files(tmp_path) == {"a", *(f"{root.name}/etc/gold-label/{name}" for name in DAEMONS.values())}


@pytest.mark.parametrize("target", ["install", "uninstall"])
@pytest.mark.parametrize("prefix", ["/opt/gold label", "usr", "/opt/a&b", "/opt/100%"])
def test_a_prefix_that_a_unit_could_not_name_is_refused(tmp_path, target, prefix):
    done = run("make", target, f"DESTDIR={tmp_path}", f"PREFIX={prefix}", *BUILT)
    assert done.returncode != 0
    assert f"PREFIX = {prefix}: must be an absolute path" in done.stdout
    assert not files(tmp_path)


@DAEMON
def test_of_the_example_configuration_only_the_key_files_are_missing(root, daemon):
    done = run(root / "usr/bin" / daemon, "--config", root / "etc/gold-label" / DAEMONS[daemon])
    faults = done.stdout.splitlines()
    assert faults
    for fault in faults:
        assert re.search(
            r": \[(token|signing)\] keys: key \S+: /etc/gold-label/\S+: No such file or directory$", fault
        ), fault


# ---- the units ----


def unit(root, daemon):
    return root / "usr/lib/systemd/system" / UNITS[daemon]


def values(root, daemon, key):
    return re.findall(rf"^{key}=(.*)$", unit(root, daemon).read_text(), re.M)


def number(source, pattern):
    (found,) = re.findall(pattern, (ROOT / source).read_text())
    return int(found)


@pytest.fixture
def started(root, tmp_path):
    """The units as systemd would find them, with the programs where they really are."""
    for name in DAEMONS:
        text = unit(root, name).read_text()
        assert text.count("ExecStart=/usr/bin/") == 1
        copy = text.replace("ExecStart=/usr/bin/", f"ExecStart={root}/usr/bin/")
        (tmp_path / UNITS[name].replace("@", "@1")).write_text(copy)
    return tmp_path


def test_systemd_finds_no_fault_in_the_units(root, started):
    done = run("systemd-analyze", "verify", *started.iterdir(), MANPATH=str(root / "usr/share/man"))
    said = [line for line in done.stdout.splitlines() if "gold-label" in line]  # not of other units
    assert (done.returncode, said) == (0, []), done.stdout


def test_systemd_calls_the_units_hardened(started):
    for file in started.iterdir():
        done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", file)
        assert done.returncode == 0, done.stdout.splitlines()[-1]


@DAEMON
def test_the_user_of_a_unit_is_made_by_sysusers(root, daemon):
    made = run("systemd-sysusers", "--dry-run", f"--root={root}")
    assert made.returncode == 0, made.stdout
    assert values(root, daemon, "User") == [daemon]
    assert f"Creating user '{daemon}'" in made.stdout


@DAEMON
def test_a_wrong_configuration_is_not_tried_again(root, daemon):
    (command,) = values(root, daemon, "ExecStart")
    assert command == f"/usr/bin/{daemon} --config /etc/gold-label/{DAEMONS[daemon]}"
    done = run(*f"{root}{command}".replace(" /etc", f" {root}/etc").split(), GOLD_LABEL_LOG_LEVEL="loud")
    assert "loud" in done.stdout
    assert values(root, daemon, "RestartPreventExitStatus") == [str(done.returncode)]


@pytest.mark.parametrize("daemon", ["gold-label-worker"])
def test_each_worker_has_an_admin_port_that_follows_from_its_name(root, daemon):
    (assignment,) = values(root, daemon, "Environment")
    name, port = assignment.split("=")
    assert [port.replace("%i", str(n)) for n in (1, 2, 3)] == ["8091", "8092", "8093"]
    refused = run(root / "usr/bin" / daemon, **{name: port.replace("%i", "one")})
    assert "[admin] port = 809one: must be" in refused.stdout


def seconds(root, daemon):
    (text,) = values(root, daemon, "TimeoutStopSec")
    return int(text.removesuffix("s"))


def test_an_ingress_has_time_to_drain(root):
    drain = number("ingress/settings.c", r'"drain_ms", CONFIG_INTEGER, AT\(drain_ms\), "(\d+)"')
    answers, flush = (
        number("ingress/main.c", rf" {name} = (\d+)") for name in ("LAST_ANSWERS_MS", "FLUSH_MS")
    )
    assert seconds(root, "gold-label-ingress") > (drain + answers + flush) / 1000


def test_a_worker_has_time_to_drain_and_to_end_a_transaction(root):
    drain = number("worker/settings.c", r'"drain_ms", .*\.fallback = "(\d+)"')
    stuck_s = number("common/kafka_transaction_calls.c", r"STUCK_MS = (\d+) \* 1000")
    assert seconds(root, "gold-label-worker") > drain / 1000 + stuck_s


def test_an_ingress_has_a_descriptor_for_every_connection_that_can_be_set(root):
    most = number("ingress/settings.c", r'"http", "connections", CONFIG_INTEGER.* \.max = (\d+)')
    spare = number("ingress/main.c", r"SPARE_DESCRIPTORS = (\d+)")
    assert values(root, "gold-label-ingress", "LimitNOFILE") == [str(most + spare)]
