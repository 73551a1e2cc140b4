"""TF_CONFIG as people write it, and the workers' meeting before they train."""

import concurrent.futures
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from gan_tf.errors import UserError
from gan_tf.training import cluster, connections, devices, meeting
from gan_tf.training.cluster import Cluster, parse
from tests.conftest import environment

TWO = {"worker": ["a:1", "b:2"]}
FIRST = {"type": "worker", "index": 0}


def config(jobs, task=FIRST, **more):
    return json.dumps({"cluster": jobs, "task": task} | more)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"cluster": {}}',
        '{"cluster": null}',
        '{"environment": "cloud"}',
        '{"cluster": {"worker": []}}',
        config({"worker": []}),
        config({"worker": ["a:1"]}),
        config({"worker": ["a:1"]}, None),
        config({"chief": ["a:1"]}, {"type": "chief", "index": 0}),
        config({"chief": ["a:1"], "worker": [], "ps": []}),
    ],
)
def test_less_than_two_workers_are_no_cluster(monkeypatch, text):
    assert parse(text) is None
    monkeypatch.setenv("TF_CONFIG", text)
    assert devices.planned_replicas("auto") == 1
    with pytest.raises(UserError, match="needs two workers or more"):
        devices.planned_replicas("multi_worker")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{broken", "is not JSON"),
        ("[" * 9999, "is not JSON"),
        ("[]", "is not a JSON object"),
        ('"worker"', "is not a JSON object"),
        (config(["a:1", "b:2"]), "not an object of lists"),
        (config({"worker": "a:1"}), 'list of texts "host:port" as "worker"'),
        (config({"worker": [1, 2]}), "list of texts"),
        (config({"worker": ["a:1", "b"]}), '"b", which is not "host:port"'),
        (config({"worker": ["a:1", ":2"]}), "not .host:port"),
        (config({"worker": ["a:1", "b:0"]}), "not .host:port"),
        (config({"worker": ["a:1", "b:70000"]}), "not .host:port"),
        (config({"worker": ["a:1", "b:" + "1" * 5000]}), "not .host:port"),
        (config({"worker": ["a:1", "b:\u0663"]}), "not .host:port"),
        (config({"worker": ["a:1", "http://b:1"]}), "not .host:port"),
        (config({"worker": ["a:1", "::1:2"]}), "not .host:port"),
        (config({"worker": ["a:1", "b c\x1b:2"]}), "not .host:port"),
        (config({"worker": ["a:1", "a:1"]}), "names a host twice"),
        (config({"chief": ["a:1", "b:1"]}), "more than one chief"),
        (config(TWO | {"ps": ["c:1"]}), "has ps tasks"),
        (config(TWO | {"evaluator": ["c:1"]}), "has evaluator tasks"),
        (config(TWO, None), "task type null"),
        (config(TWO, {}), "task type null"),
        (config(TWO, {"type": "ps", "index": 0}), 'task type "ps"'),
        (config(TWO, {"type": "chief", "index": 0}), "one of worker"),
        (config(TWO, {"type": ["worker"], "index": 0}), "task type .*one of worker"),
        (config(TWO, {"type": "worker"}), "task index null; .* from 0 to 1"),
        (config(TWO, {"type": "worker", "index": "9" * 5000}), 'task index "999'),
        (config(TWO, {"type": "worker", "index": -1}), "task index -1"),
        (config(TWO, {"type": "worker", "index": 2}), "there are 2 worker tasks"),
        (config(TWO, {"type": "worker", "index": "-1"}), 'task index "-1"'),
        (config(TWO, {"type": "worker", "index": True}), "task index true"),
        (config(TWO, {"type": "worker", "index": 0.0}), "task index 0.0"),
    ],
)
def test_a_description_that_cannot_be_is_explained(monkeypatch, text, what):
    with pytest.raises(UserError, match=what) as caught:
        parse(text)
    assert "--strategy one" in str(caught.value)
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match=what):
        devices.planned_replicas("auto")
    assert devices.planned_replicas("one") == 1


def test_the_chief_comes_first():
    jobs = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    assert parse(config(jobs, {"type": "chief", "index": 0})) == Cluster(
        ("a:1", "b:1", "c:1"), 0
    )
    found = parse(config(jobs, {"type": "worker", "index": "1"}))
    assert found is not None
    assert (found.own, found.others) == (2, ["a:1", "b:1"])


def hosts(count):
    places = devices.local_cluster(count)
    return tuple(json.loads(places[0]["TF_CONFIG"])["cluster"]["worker"])


def meet_all(statements, delays=None):
    """All workers meet, each in a thread; what each heard, or its error."""
    names = hosts(len(statements))
    delays = delays or [0] * len(statements)

    def one(own):
        time.sleep(delays[own])
        return meeting.meet(Cluster(names, own), statements[own], limit=20)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return names, list(pool.map(one, range(len(statements))))


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_hosts_may_have_ipv6_addresses():
    names = tuple(host.replace("localhost", "[::1]") for host in hosts(2))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        both = [
            pool.submit(meeting.meet, Cluster(names, own), {}, 20) for own in (0, 1)
        ]
        assert [list(one.result()) for one in both] == [[names[1]], [names[0]]]


def test_all_hear_of_all_however_late_they_come():
    statements = [{"number": n} for n in range(4)]
    names, heard = meet_all(statements, delays=[0, 0.5, 1, 0])
    for own, others in enumerate(heard):
        assert {h: s["number"] for h, s in others.items()} == {
            names[n]: n for n in range(4) if n != own
        }
    for name in names:  # the ports are free for TensorFlow
        socket.create_server(("", int(name.split(":")[1]))).close()


def test_workers_that_want_different_things_are_named():
    own, other = {"epochs": 10, "seed": 0}, {"epochs": 20, "seed": 0}
    names, (heard, _) = meet_all([own, other])
    with pytest.raises(UserError, match=f"{names[1]}.*epochs: 20 there, 10 here"):
        meeting.check_same(own, heard)
    meeting.check_same(other, heard)
    with pytest.raises(UserError, match="same command"):
        meeting.check_same({"hosts": ["x:1"]} | other, heard)


@contextlib.contextmanager
def service(answer, delay=0.0):
    """Some other service on a port: answers so, or never (None)."""
    with socket.create_server(("localhost", 0)) as server:
        name = f"localhost:{server.getsockname()[1]}"

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    time.sleep(delay)
                    if answer is not None:
                        connection.sendall(answer.replace(b"NAME", name.encode()))
                        connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield name
        server.shutdown(socket.SHUT_RDWR)


SILENT = {
    None: "no answer",
    b"": "no answer",
    b'{"host": "NAME", "progress": 0}\n': "no answer",  # it spoke, and died
}
STRANGE = {
    b"HTTP/1.1 400 Bad Request\r\n\r\n": "something else answers",
    b"[]\n": "something else answers",
    b"[" * 60000 + b"\n": "something else answers",
    b'{"host": "NAME", "progress": []}\n': "something else answers",
    b'{"host": "a:1", "progress": 0}\n': "a:1 answers there",
    b"x" * 200000: "something else answers",
}


@pytest.mark.parametrize("answers", [SILENT, STRANGE], ids=["silent", "strange"])
def test_missing_workers_are_named_and_waiting_ends(answers):
    own, dead = hosts(2)
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(service(answer)) for answer in answers]
        found = Cluster((own, dead, *busy, "nowhere.invalid:1"), 0)
        with pytest.raises(UserError, match=r"after 1 s \(--cluster_timeout") as caught:
            meeting.meet(found, {}, limit=1)
    errors = str(caught.value)
    assert f"without {len(busy) + 2} of {len(busy) + 3} workers" in errors
    assert f"{dead} (Connection refused)" in errors
    assert "nowhere.invalid:1 (no such host name)" in errors
    for name, reason in zip(busy, answers.values()):
        assert f"{name} ({reason}" in errors or f"{name} (Connection reset" in errors
    assert "--strategy one" in errors


def test_a_slow_answer_counts(monkeypatch):
    monkeypatch.setattr(meeting, "ATTEMPT", 0.1)
    with service(b'{"host": "NAME", "progress": 2}\n', delay=0.4) as slow:
        found = Cluster((hosts(2)[0], slow), 0)
        assert list(meeting.meet(found, {}, limit=20)) == [slow]


def test_waiting_is_repeated(capsys):
    with pytest.raises(UserError):
        meeting.meet(Cluster(hosts(2), 0), {}, limit=1.5, first=0.2, every=0.4)
    assert capsys.readouterr().err.count("waiting for 1 of 2 workers") == 4


def test_a_port_in_use_is_named():
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        found = Cluster((f"localhost:{port}", "localhost:1"), 0)
        with pytest.raises(UserError, match=f"cannot listen on port {port}"):
            meeting.meet(found, {}, limit=3)


def test_garbage_from_the_network_is_ignored():
    names = hosts(2)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(meeting.meet, Cluster(names, 0), {"n": 0}, 20)
        time.sleep(0.3)
        for content in (b"", b"GET / HTTP/1.1\r\n\r\n", b'{"host": "evil:1"}\n'):
            with socket.create_connection(connections.address(names[0])) as connection:
                connection.sendall(content)
        other = pool.submit(meeting.meet, Cluster(names, 1), {"n": 1}, 20)
        assert list(waiting.result()) == [names[1]]
        assert list(other.result()) == [names[0]]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_work_while_waiting(name):
    own, dead = hosts(2)
    code = (
        "import sys; from gan_tf.training import meeting, cluster; "
        "print('begun', flush=True); "
        "meeting.meet(cluster.Cluster(tuple(sys.argv[1:]), 0), {}, 60, 0.1)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, own, dead],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: [
            signal.signal(number, signal.SIG_DFL) for number in (1, 2, 15)
        ],
    )
    assert "waiting for 1 of 2" in next(
        line for line in process.stderr if "waiting" in line
    )
    process.send_signal(getattr(signal, name))
    assert process.wait(20) in (-getattr(signal, name), 1)


def test_a_slurm_step_of_one_task_is_no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert cluster.find() is None


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("PROCID", None, "SLURM_PROCID is '', not a number"),
        ("PROCID", "x", "SLURM_PROCID is 'x', not a number"),
        ("PROCID", "2", "SLURM_PROCID is 2, and there are 2 tasks"),
        ("STEP_NUM_TASKS", "1.5", "SLURM_STEP_NUM_TASKS is '1.5', not a number"),
        ("STEP_NODELIST", "a[1-", "cannot read the Slurm step: "),
        ("STEP_NODELIST", None, "SLURM_STEP_NODELIST not found"),
        ("STEP_TASKS_PER_NODE", "two", "cannot read the Slurm step: "),
    ],
)
def test_a_slurm_step_that_cannot_be_is_explained(monkeypatch, name, value, what):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    step = {
        "PROCID": "0",
        "STEP_NUM_TASKS": "2",
        "STEP_NODELIST": "localhost",
        "STEP_TASKS_PER_NODE": "2",
    }
    for key, text in (step | {name: value}).items():
        if text is None:
            monkeypatch.delenv(f"SLURM_{key}", raising=False)
        else:
            monkeypatch.setenv(f"SLURM_{key}", text)
    with pytest.raises(UserError, match=what) as caught:
        cluster.find()
    assert "--strategy one" in str(caught.value)
