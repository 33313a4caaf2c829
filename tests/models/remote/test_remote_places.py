"""Where requests go, and where they do not: addresses, names of hosts, proxies, TLS."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from dataclasses import replace

import pytest
import torch

from sparring.errors import ModelError, SparringError, UsageError
from sparring.models import load_model
from sparring.models.remote import wire
from sparring.models.remote.target import Remote
from tests.models.served import INPUTS, behaviour, net
from tests.models.server import PATH, Server, serving

pytest.importorskip("httpx")
pytestmark = pytest.mark.usefixtures("impatient")


def _with_new_connections(monkeypatch):
    """Connections are kept by patience, so another one begins anew."""
    monkeypatch.setattr(wire, "PATIENCE", replace(wire.PATIENCE, connect=wire.PATIENCE.connect + 0.1))


def test_a_wrong_name_a_wrong_port_and_a_wrong_host():
    with (
        serving(behaviour()) as server,
        pytest.raises(ModelError, match="knows no model under /v2/models/nut"),
    ):
        load_model(server.address.replace("net", "nut"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}{PATH}"
    with pytest.raises(
        ModelError, match=r"asked 5 times, and nobody answers there .* is the server running\?"
    ):
        load_model(address)
    with pytest.raises(ModelError, match=r'no host "no-such-host\.invalid"'):
        load_model(f"http://no-such-host.invalid{PATH}")


ELSEWHERE = [
    "http://10.1.2.3:8000",
    "http://0.0.0.0:8000",
    "http://[2001:db8::1]",
    "https://8.8.8.8",
    "http://[::]:9",
]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_another_machine_needs_an_engagement(place, monkeypatch):
    monkeypatch.setattr(wire, "fetch", lambda *_: pytest.fail("something was sent"))
    with pytest.raises(UsageError, match=r"not on this machine.*engagement"):
        load_model(f"{place}{PATH}")


def _names(monkeypatch, *numbers):
    real = socket.getaddrinfo

    def resolve(host, port, *rest, **options):
        if host != "model.test":
            return real(host, port, *rest, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in numbers]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_a_name_is_this_machine_only_if_all_its_addresses_are(monkeypatch):
    _names(monkeypatch, "127.0.0.1", "10.0.0.7")
    with pytest.raises(UsageError, match=r"not on this machine \(127\.0\.0\.1, 10\.0\.0\.7\)"):
        load_model(f"http://model.test:8000{PATH}")


def test_a_name_that_changes_its_meaning_leads_nowhere(monkeypatch):
    with serving(behaviour()) as server:
        _names(monkeypatch, "127.0.0.1")
        model = load_model(f"http://model.test:{server.server_port}{PATH}")
        _names(monkeypatch, "192.0.2.1")
        assert torch.allclose(model(INPUTS[:4]), net()(INPUTS[:4]), atol=1e-6)
        assert server.behaviour.hosts == [f"model.test:{server.server_port}"]


def test_the_first_address_that_takes_the_connection_is_used(monkeypatch):
    with serving(behaviour()) as server:
        _names(monkeypatch, "127.0.0.77", "127.0.0.1")
        assert isinstance(load_model(f"http://model.test:{server.server_port}{PATH}").function, Remote)


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    _with_new_connections(monkeypatch)
    with serving(behaviour()) as server:
        assert load_model(server.address)(INPUTS[:1]).shape == (1, 4)


BAD_ADDRESSES = {
    "http://127.0.0.1:8000/": "is not the address of a model",
    "http://127.0.0.1:8000/v2/models": "is not the address of a model",
    "http://127.0.0.1:8000/v2/models/": "is not the address of a model",
    "http://127.0.0.1:8000/v2/models/a/../b": "lead elsewhere",
    "http://127.0.0.1:8000/v2/models/%2e%2e": "lead elsewhere",
    "http://127.0.0.1:8000/v2/models/a%2fb": "lead elsewhere",
    "http://127.0.0.1:port/v2/models/a": "is no address",
    "http:///v2/models/a": "is no address",
    "http://user:secret@127.0.0.1/v2/models/a": "leave user name and password out",
    "http://127.0.0.1/v2/models/a?token=1": "has a query",
}


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_is_none_is_one_sentence(address):
    with pytest.raises(UsageError, match=BAD_ADDRESSES[address]) as caught:
        load_model(address)
    assert "secret" not in str(caught.value)


def test_a_server_without_tls_is_told():
    with serving(behaviour()) as server, pytest.raises(ModelError, match="no secure connection"):
        load_model(server.address.replace("http", "https"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_nobody_signed_is_refused_and_one_that_is_trusted_works(tmp_path, monkeypatch):
    words = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", *words.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(behaviour()) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        address = f"https://localhost:{server.server_port}{PATH}"
        with pytest.raises(ModelError, match=r"no secure connection.*self-signed certificate"):
            load_model(address)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        _with_new_connections(monkeypatch)
        assert load_model(address)(INPUTS[:2]).shape == (2, 4)
        with pytest.raises(
            SparringError, match="no secure connection"
        ):  # the certificate is not for this name
            load_model(address.replace("localhost", "127.0.0.1"))


def test_the_server_of_these_tests_is_on_this_machine_only():
    with serving(behaviour()) as server:
        assert isinstance(server, Server) and server.server_address[0] == "127.0.0.1"
