"""What libvirt is asked for, in full: `golden/*.xml`. UPDATE_GOLDEN=1 writes them anew; read the diff."""

import os
from ipaddress import IPv4Network
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from backend.hypervisor import domain_xml
from backend.hypervisor.domain_xml import BootFiles
from backend.hypervisor.driver import Acceleration, DomainSpec
from backend.rules.network import blocked_ranges, guest_network

GOLDEN = Path(__file__).parent / "golden"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBv0 pequeroku"
NETWORK = IPv4Network("10.213.0.0/16")
FILES = BootFiles("1f2e", "/images/image-1f2e.vmlinux", "/images/image-1f2e.initrd", "quiet panic=-1", "x86_64")
UUID_1 = UUID("11111111-2222-4333-8444-555555555555")
SPEC = DomainSpec(UUID_1, "web-1", memory_mb=512, vcpus=2, authorized_key=KEY)
ON_NETWORK = DomainSpec(UUID_1, "web-1", 512, 2, KEY, network=guest_network(7, NETWORK, ["1.1.1.1", "9.9.9.9"]))

DOCUMENTS = {
    "domain-tcg": lambda: domain_xml.domain(SPEC, FILES, Acceleration.TCG),
    "domain-kvm-network": lambda: domain_xml.domain(ON_NETWORK, FILES, Acceleration.KVM),
    "domain-no-shares": lambda: domain_xml.domain(SPEC, FILES, Acceleration.TCG, with_shares=False),
    "probe": lambda: domain_xml.probe("pequeroku-probe-1", UUID_1, FILES, Acceleration.KVM),
    "pool": domain_xml.pool,
    "volume-file": lambda: domain_xml.file_volume("image-1f2e.initrd", 12345),
    "volume-overlay": lambda: domain_xml.overlay_volume("pqk-1.qcow2", 10, "/images/image-1f2e.qcow2"),
    "network": lambda: domain_xml.network(NETWORK),
    "nwfilter": lambda: domain_xml.nwfilter(blocked_ranges(["10.213.0.0/16", "198.51.100.7/32"])),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_what_the_golden_file_says(name: str) -> None:
    path, text = GOLDEN / f"{name}.xml", DOCUMENTS[name]()
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_nothing_that_is_named_by_people_can_break_out_of_its_place() -> None:
    evil = '"/><disk file="/etc/shadow"/>&<!-- pequeroku.key=AAAAmine'
    root = ET.fromstring(domain_xml.domain(DomainSpec(UUID_1, evil, 64, 1, KEY), FILES, Acceleration.TCG))
    assert [each.get("file") for each in root.iter("source")] == [f"{domain_xml.POOL_PATH}/pqk-{UUID_1}.qcow2"]
    assert root.find(f".//{{{domain_xml.NAMESPACE}}}container").get("hostname") == evil
    words = str(root.findtext("os/cmdline")).split()
    assert [word for word in words if word.startswith("pequeroku.key=")] == [f"pequeroku.key={KEY.split()[1]}"]


def test_the_command_line_says_who_the_guest_is() -> None:
    assert domain_xml.kernel_cmdline(ON_NETWORK, "quiet", Acceleration.KVM) == (
        f"quiet pequeroku.instance={UUID_1} pequeroku.host=web-1 pequeroku.key=AAAAC3NzaC1lZDI1NTE5AAAAIBv0"
        " pequeroku.ip=10.213.0.9/16 pequeroku.gw=10.213.0.1 pequeroku.dns=1.1.1.1,9.9.9.9"
    )
    assert "pequeroku.ip" not in domain_xml.kernel_cmdline(SPEC, "quiet", Acceleration.KVM)


def test_only_an_emulated_processor_goes_without_its_mitigations() -> None:
    assert "mitigations=off" in domain_xml.kernel_cmdline(SPEC, "quiet", Acceleration.TCG).split()
    assert "mitigations=off" not in domain_xml.kernel_cmdline(SPEC, "quiet", Acceleration.KVM).split()


def test_every_blocked_range_is_dropped_before_anything_is_let_out() -> None:
    blocked = blocked_ranges(["10.213.0.0/16", "198.51.100.7/32"])
    rules = ET.fromstring(domain_xml.nwfilter(blocked)).findall("rule")
    drops = {
        f"{match.get('dstipaddr')}/{match.get('dstipmask')}": int(rule.get("priority", 0))
        for rule in rules
        for match in rule.findall("ip[@dstipmask]")
    }
    let_out = [int(r.get("priority", 0)) for r in rules if r.find("ip") is not None and r.get("action") == "accept"]
    assert set(drops) == {str(cidr) for cidr in blocked}
    assert max(drops.values()) < min(let_out)
