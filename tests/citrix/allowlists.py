"""Allowlists for tests.

The vendor's files cannot be copied here. Version 1 is reconstructed from what programs that read
it expect (an object of sections, each maybe with `AllowList`, blanks, duplicates, placeholders);
the section names are invented. Of version 2 the request is documented, and that format=zscaler is
the shape of Microsoft 365's web service: the bodies here are made up, with names of example
domains and names of Citrix's that are public.
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
        "serviceAreaDisplayName": "Citrix DaaS",
        "urls": ["*.nssvc.net", "api.cloud.com"],
        "ips": ["2001:db8::/32"],
        "tcpPorts": "443",
        "udpPorts": "443",
        "required": True,
    },
    {"id": 2, "serviceArea": "Console", "urls": ["citrix.cloud.com"], "tcpPorts": "80,443"},
    {
        "id": 3,
        "serviceArea": "MCS",
        "urls": ["relay.servicebus.windows.net"],
        "tcpPorts": "9350-9354",
        "required": False,
        "notes": "machine creation",
    },
]
V2_SERVICES = {
    "schemaVersion": "2",
    "lastUpdated": "2026-11-01T08:00:00Z",
    "allowlist": {
        "regions": [
            {
                "name": "Europe",
                "updated": "2026-10-07",
                "services": [
                    {
                        "service": "Gateway",
                        "direction": "egress",
                        "fqdns": ["eu.g.nssvc.net", "api.cloud.com"],
                        "ports": [
                            {"protocol": "TCP", "port": 443},
                            {"protocol": "UDP", "port": 443},
                        ],
                    },
                    {
                        "service": "Connector",
                        "direction": ["inbound", "outbound"],
                        "effectiveDate": "2027-01-15",
                        "entries": [
                            {
                                "fqdn": "<CUSTOMER_ID>.xendesktop.net",
                                "protocol": "tcp",
                                "port": 443,
                            },
                            {"fqdn": "agent.example.net", "ports": "TCP/8443, 9000-9001/udp"},
                        ],
                        "cidrRanges": ["203.0.113.0/24"],
                    },
                ],
            },
            {
                "name": "us",
                "services": [{"service": "Gateway", "fqdns": ["us.g.nssvc.net"]}],
            },
        ]
    },
}


def as_bytes(tree: object) -> bytes:
    return json.dumps(tree).encode()
