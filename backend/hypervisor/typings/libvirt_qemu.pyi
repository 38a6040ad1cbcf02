from libvirt import virDomain

def qemuMonitorCommand(domain: virDomain, cmd: str, flags: int) -> str: ...  # noqa: N802
