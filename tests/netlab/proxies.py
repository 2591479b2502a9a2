"""Owns HAProxy, nginx and stunnel in the suspect router: they catch what is meant for the server.

Each forgets a connection without traffic after `IDLE_TIMEOUT_S`, unless it is told another time.
"""

from tests.netlab import firewalls
from tests.netlab.certificates import NAME
from tests.netlab.lab import Lab
from tests.netlab.processes import Process
from tests.netlab.tester import WSS_PORT
from tests.netlab.topology import SERVER

IDLE_TIMEOUT_S = 3
DRAIN_S = 1
"""After a reload of nginx (SIGHUP), how long its old worker keeps what it has."""
CATCHES = 7000
"""The port that a box listens on which catches what is meant for the server."""
_UPSTREAM = f"{SERVER}:{WSS_PORT}"

_HAPROXY_TCP = f"""
frontend caught
  mode tcp
  bind :{{port}}
  timeout client {{idle}}s
  default_backend passed
backend passed
  mode tcp
  timeout server {{idle}}s
  server one {_UPSTREAM}
"""
_HAPROXY_FILTER = f"""
frontend caught
  mode tcp
  bind :{{port}}
  timeout client {{idle}}s
  tcp-request inspect-delay 2s
  tcp-request content reject if {{{{ req.ssl_sni -i {NAME} }}}}
  tcp-request content accept if {{{{ req.ssl_hello_type 1 }}}}
  default_backend passed
backend passed
  mode tcp
  timeout server {{idle}}s
  server one {_UPSTREAM}
"""
_HAPROXY_HTTP = f"""
frontend caught
  mode http
  bind :{{port}} ssl crt {{both}}
  timeout client 60s
  timeout http-request 10s
  default_backend passed
backend passed
  mode http
  timeout server 60s
  timeout tunnel {{idle}}s
  server one {_UPSTREAM} ssl verify none
"""
_HAPROXY_CLIENT_CERTIFICATE = """
frontend caught
  mode http
  bind :{port} ssl crt {both} ca-file {root} verify required
  timeout client {idle}s
  http-request return status 200
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
_NGINX_FILES = "access_log off;" + "".join(
    f" {what}_temp_path {{folder}}/{what};"
    for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
_NGINX_STREAM = f"""
stream {{{{
  server {{{{
    listen {{port}};
    proxy_pass {_UPSTREAM};
    proxy_timeout {{idle}}s;
  }}}}
}}}}
"""
_NGINX_HTTP = f"""
http {{{{
  {_NGINX_FILES}
  server {{{{
    listen {{port}} {{tls}};
    server_name {NAME};
    ssl_certificate {{chain}};
    ssl_certificate_key {{key}};
    location / {{{{
      proxy_pass https://{_UPSTREAM};
      {{upgrade}}
      proxy_read_timeout {{idle}}s;
    }}}}
  }}}}
}}}}
"""
_NGINX_PORTAL = f"""
http {{{{
  {_NGINX_FILES}
  server {{{{
    listen {{port}} {{tls}};
    server_name {NAME};
    ssl_certificate {{both}};
    ssl_certificate_key {{both}};
    return 302 http://login.netlab.test/;
  }}}}
}}}}
"""
_PASSES_UPGRADE = """
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
"""
_NGINX = f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
user root;
worker_processes 1;
worker_shutdown_timeout {DRAIN_S}s;
pid {{folder}}/nginx-{{port}}.pid;
error_log stderr info;
events {{{{ worker_connections 1024; }}}}
"""


_STUNNEL = f"""
foreground = yes
pid =
[caught]
accept = {{port}}
connect = 127.0.0.1:{CATCHES - 1}
cert = {{both}}
TIMEOUTidle = {{idle}}
[behind]
client = yes
accept = 127.0.0.1:{CATCHES - 1}
connect = {_UPSTREAM}
"""


def start_haproxy(
    lab: Lab, mode: str, idle_s: int = IDLE_TIMEOUT_S, *, port: int = CATCHES
) -> Process:
    """`tcp` passes TLS on, `http` ends it with a certificate of the endpoint's own root; `filter`
    passes it on unless the client asks for `NAME`; `client` wants a client certificate.

    On another port it catches nothing: it is what an endpoint's URL names.
    """
    text = (
        _HAPROXY
        + {
            "tcp": _HAPROXY_TCP,
            "http": _HAPROXY_HTTP,
            "filter": _HAPROXY_FILTER,
            "client": _HAPROXY_CLIENT_CERTIFICATE,
        }[mode]
    )
    file = lab.folder / f"haproxy-{mode}.cfg"
    certificates = lab.certificates
    file.write_text(
        text.format(both=certificates.both, root=certificates.root, idle=idle_s, port=port)
    )
    command = ("haproxy", "-db", "-f", str(file))
    return _started(lab, lab.suspect.start(f"haproxy-{mode}", *command), port)


def start_nginx(
    lab: Lab,
    mode: str,
    idle_s: int = IDLE_TIMEOUT_S,
    *,
    port: int = CATCHES,
    passes_upgrade: bool = True,
    tls: str = "ssl",
) -> Process:
    """`stream` passes TLS on, `http` ends it with a certificate of the endpoint's own root.

    `portal` ends it with one of another root, and sends all to a login. `tls`: how it listens;
    empty: in plain.
    """
    modes = {"stream": _NGINX_STREAM, "http": _NGINX_HTTP, "portal": _NGINX_PORTAL}
    text = _NGINX + modes[mode]
    file = lab.folder / f"nginx-{port}.conf"
    certificates = lab.certificates
    upgrade = _PASSES_UPGRADE if passes_upgrade else ""
    file.write_text(
        text.format(folder=lab.folder, chain=certificates.chain, key=certificates.key,
                    both=certificates.inspector, idle=idle_s, port=port, upgrade=upgrade, tls=tls)
    )  # fmt: skip
    command = ("nginx", "-e", "stderr", "-p", str(lab.folder), "-c", str(file))
    return _started(lab, lab.suspect.start(f"nginx-{port}", *command), port)


def start_stunnel(lab: Lab, idle_s: int = IDLE_TIMEOUT_S, *, port: int = CATCHES) -> Process:
    """It ends TLS with a certificate of the endpoint's own root, and begins its own."""
    file = lab.folder / "stunnel.conf"
    file.write_text(_STUNNEL.format(both=lab.certificates.both, idle=idle_s, port=port))
    return _started(lab, lab.suspect.start("stunnel", "stunnel4", str(file)), port)


def _started(lab: Lab, proxy: Process, port: int) -> Process:
    lab.suspect.wait_until_listening(port)
    if port == CATCHES:
        lab.suspect.nft(firewalls.redirect(WSS_PORT, CATCHES))
    return proxy
