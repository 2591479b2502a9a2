#!/usr/bin/env bash
# Guess:    mergecap joins the captures of both ends, or of a tunnel and the interface under it, and any
#           tool that reads pcapng reads the result.
# What is:  libpcap, so tcpdump and all that builds on it, takes a pcapng file only if all its interfaces
#           have the same link type and the same snapshot length. Two Ethernet captures of which one was
#           made with a shorter `-s` are enough. mergecap and Wireshark's tools say nothing.
# Seen:     one capture alone: tcpdump prints 1 packets
#           merged, same snapshot length: tcpdump prints 2 packets
#           merged, snapshot lengths 262144 and 128: an interface has a snapshot length 128 different from
#           the snapshot length of the first interface
#           merged, Ethernet and raw IP (a tunnel): an interface has a type 101 different from the type of
#           the first interface
#           the last two, capinfos: 2 packets
# Software: mergecap and capinfos 4.0.17 (Debian 4.0.17-0+deb12u3), tcpdump 4.99.3 (Debian 4.99.3-1) on
#           libpcap 1.10.3; measured 2026-11-30.
# Matters:  The one file that proves what happened to a session on both sides of a box cannot be read by
#           the far end's scripts. Hand over the captures unmerged, or made with one `-s`.
# Rights:   none.
. "$(dirname "$0")/stage.bash"

debian tcpdump=4.99.3-1 wireshark-common=4.0.17-0+deb12u3 libpcap0.8=1.10.3-1 libwiretap13=4.0.17-0+deb12u3 \
    libwsutil14=4.0.17-0+deb12u3 libglib2.0-0 libpcre2-8-0
cd "$stage"
python3 - <<'EOF'
import re, struct, subprocess
from peers import finish, same

# A RST from 203.0.113.2 to 198.51.100.2, with an Ethernet header and without.
PACKET = bytes.fromhex("450000280001400040060000cb007102c6336402 01bbc350 00000001 00000000 50040000 00000000")
ETHERNET, RAW_IP = 1, 101


def capture(name, link, snapshot, second):
    data = (bytes(12) + b"\x08\0" if link == ETHERNET else b"") + PACKET
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snapshot, link)
    with open(name, "wb") as file:
        file.write(head + struct.pack("<IIII", second, 0, len(data), len(data)) + data)
    return name


def merged(*names):
    subprocess.run(["mergecap", "-F", "pcapng", "-w", "merged.pcapng", *names], check=True)
    return "merged.pcapng"


def tcpdump(name):
    ran = subprocess.run(["tcpdump", "-n", "-r", name], capture_output=True, text=True)
    if ran.returncode == 0:
        return f"{len(ran.stdout.splitlines())} packets"
    return ran.stderr.splitlines()[-1].partition("pcap_loop: ")[2]


def capinfos(name):
    ran = subprocess.run(["capinfos", "-c", "-M", name], capture_output=True, text=True, check=True)
    return f"{re.search(r'Number of packets: +([0-9]+)', ran.stdout)[1]} packets"


whole = capture("whole.pcap", ETHERNET, 262144, 1_700_000_000)
other = capture("other.pcap", ETHERNET, 262144, 1_700_000_001)
short = capture("short.pcap", ETHERNET, 128, 1_700_000_001)
tunnel = capture("tunnel.pcap", RAW_IP, 262144, 1_700_000_001)
same("one capture alone", tcpdump(whole), "1 packets")
same("merged, same snapshot length", tcpdump(merged(whole, other)), "2 packets")
length = "an interface has a snapshot length 128 different from the snapshot length of the first interface"
same("merged, lengths 262144 and 128", tcpdump(merged(whole, short)), length)
same("the same by capinfos", capinfos("merged.pcapng"), "2 packets")
link = "an interface has a type 101 different from the type of the first interface"
same("merged, Ethernet and raw IP", tcpdump(merged(whole, tunnel)), link)
same("the same by capinfos", capinfos("merged.pcapng"), "2 packets")
finish()
EOF
