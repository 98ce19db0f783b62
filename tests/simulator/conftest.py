import pytest

from simulator import Simulator


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp("simulator"), "--all-providers")
    yield simulator
    status, errors = simulator.stop()
    assert (status, errors) == (0, "")


@pytest.fixture
def sim(process):
    assert process.request("POST", "/_sim/reset").status == 200
    return process
