"""Allowlists for tests.

The vendor's files cannot be copied here. Version 1 is reconstructed from what programs that read
it expect (an object of sections, each maybe with `AllowList`, blanks, duplicates, placeholders);
the section names are invented. Of version 2 only the request is documented: three made-up bodies.
"""

import json

V1 = {
    "CloudConnector": {
        "LatestChangeLog": "2025-11-03: added two names",
        "AllowList": [
            "agenthub.citrixworkspacesapi.net",
            "agenthub-us.citrixworkspacesapi.net",
            "agenthub-eu.citrixworkspacesapi.net",
            "agenthub-ap-s.citrixworkspacesapi.net",
            "",
            "messaging-eastus-release-a.citrixworkspacesapi.net",
            "ctxwsp-agent-eastus.servicebus.windows.net",
            "cwsproduction.blob.core.windows.net",
            "<CUSTOMER_ID>.xendesktop.net",
        ],
    },
    "GatewayService": {
        "AllowList": ["global-all.g.nssvc.net", "aws-eu-w.g.nssvc.net", " ", "*.c.nssvc.net"],
        "LatestChangeLog": None,
    },
    "Console": {
        "AllowList": [
            "citrix.cloud.com",
            "eu.cloud.com",
            "AgentHub.citrixworkspacesapi.net.",
            "cdn.example.com",
        ]
    },
    "Retired": {"LatestChangeLog": "no names any more"},
    "SchemaVersion": "1.4",
}
V2 = {
    "version": "2.0.1",
    "generatedAt": "2026-01-12T00:00:00Z",
    "services": [
        {
            "name": "Cloud Connector",
            "direction": "outbound",
            "fqdns": ["agenthub-eu.citrixworkspacesapi.net", "acme1.xendesktop.net"],
            "cidrs": ["192.0.2.0/24"],
            "ports": [443],
            "documentation": "docs.citrix.com",
        },
        {
            "name": "Webhooks",
            "direction": "inbound",
            "cidrs": ["198.51.100.0/24"],
            "fqdns": ["egress.example.net"],
        },
    ],
    "removed": ["old.cloud.com"],
}
V2_BY_DIRECTION = {
    "outbound": {"eu": {"Fqdn": "eu.cloud.com", "Ip_Ranges": ["203.0.113.0/24", "not one"]}},
    "Inbound": {"ips": ["198.51.100.7"]},
}
V2_ZSCALER = [
    {
        "id": 1,
        "serviceArea": "DaaS",
        "urls": ["*.nssvc.net", "api.cloud.com"],
        "ips": ["2001:db8::/32"],
    },
    {"id": 2, "serviceArea": "Console", "urls": ["citrix.cloud.com"], "tcpPorts": "443"},
]


def as_bytes(tree: object) -> bytes:
    return json.dumps(tree).encode()
