"""Owns HAProxy and nginx in the suspect router: they catch what is meant for the server.

Each forgets a connection without traffic after `IDLE_TIMEOUT_S`.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.netlab import firewalls
from tests.netlab.certificates import NAME
from tests.netlab.lab import Lab
from tests.netlab.processes import Process
from tests.netlab.tester import WSS_PORT
from tests.netlab.topology import ROUTER, SERVER, SUSPECT

IDLE_TIMEOUT_S = 3
_PORT = 7000
_UPSTREAM = f"{SERVER}:{WSS_PORT}"

_HAPROXY_TCP = f"""
frontend caught
  mode tcp
  bind :{_PORT}
  timeout client {IDLE_TIMEOUT_S}s
  default_backend passed
backend passed
  mode tcp
  timeout server {IDLE_TIMEOUT_S}s
  server one {_UPSTREAM}
"""
_HAPROXY_HTTP = f"""
frontend caught
  mode http
  bind :{_PORT} ssl crt {{both}}
  timeout client 60s
  timeout http-request 10s
  default_backend passed
backend passed
  mode http
  timeout server 60s
  timeout tunnel {IDLE_TIMEOUT_S}s
  server one {_UPSTREAM} ssl verify none
"""
_HAPROXY = """
global
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  log global
  option tcplog
  timeout connect 5s
"""
_NGINX_STREAM = f"""
stream {{{{
  server {{{{
    listen {_PORT};
    proxy_pass {_UPSTREAM};
    proxy_timeout {IDLE_TIMEOUT_S}s;
  }}}}
}}}}
"""
_NGINX_HTTP = f"""
http {{{{
  access_log off;
  client_body_temp_path {{folder}}/body;
  proxy_temp_path {{folder}}/proxy;
  fastcgi_temp_path {{folder}}/fastcgi;
  uwsgi_temp_path {{folder}}/uwsgi;
  scgi_temp_path {{folder}}/scgi;
  server {{{{
    listen {_PORT} ssl;
    server_name {NAME};
    ssl_certificate {{chain}};
    ssl_certificate_key {{key}};
    location / {{{{
      proxy_pass https://{_UPSTREAM};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout {IDLE_TIMEOUT_S}s;
    }}}}
  }}}}
}}}}
"""
_NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 1024; }}
"""


def start_haproxy(lab: Lab, mode: str) -> Process:
    """`tcp` passes TLS on, `http` ends it with a certificate of the endpoint's own root."""
    text = _HAPROXY + (_HAPROXY_TCP if mode == "tcp" else _HAPROXY_HTTP)
    file = lab.folder / "haproxy.cfg"
    file.write_text(text.format(both=lab.certificates.both))
    return _catch(lab, lab.suspect.start("haproxy", "haproxy", "-db", "-f", str(file)))


def start_nginx(lab: Lab, mode: str) -> Process:
    """`stream` passes TLS on, `http` ends it with a certificate of the endpoint's own root."""
    text = _NGINX + (_NGINX_STREAM if mode == "stream" else _NGINX_HTTP)
    file = lab.folder / "nginx.conf"
    certificates = lab.certificates
    file.write_text(text.format(folder=lab.folder, chain=certificates.chain, key=certificates.key))
    command = ("nginx", "-e", "stderr", "-p", str(lab.folder), "-c", str(file))
    return _catch(lab, lab.suspect.start("nginx", *command))


_EXPLICIT_PORT = 3128
_SQUID = f"""
pid_filename {{folder}}/squid.pid
cache_log {{folder}}/cache.log
access_log none
coredump_dir {{folder}}
cache deny all
pinger_enable off
shutdown_lifetime 1 seconds
connect_timeout 2 seconds
read_timeout {IDLE_TIMEOUT_S} seconds
http_port {_EXPLICIT_PORT}
http_access allow all
"""


@contextmanager
def start_explicit_squid(lab: Lab) -> Iterator[str]:
    """The URL of a proxy that is asked by CONNECT; it closes what is idle."""
    # It gives up root's rights, so it cannot stay in a folder of pytest's, which only root enters.
    with tempfile.TemporaryDirectory(prefix="netlab-") as name:
        folder = Path(name)
        file = folder / "squid.conf"
        file.write_text(_SQUID.format(folder=folder))
        for path in (folder, file):
            shutil.chown(path, "proxy", "proxy")
        service = f"netlabx{os.getpid()}"
        proxy = lab.suspect.start("squid", "squid", "-N", "-n", service, "-f", str(file))
        lab.suspect.wait_until_listening(_EXPLICIT_PORT)
        try:
            yield f"http://{ROUTER[SUSPECT]}:{_EXPLICIT_PORT}"
        finally:
            proxy.stop()


def _catch(lab: Lab, proxy: Process) -> Process:
    lab.suspect.wait_until_listening(_PORT)
    lab.suspect.nft(firewalls.redirect(WSS_PORT, _PORT))
    return proxy
