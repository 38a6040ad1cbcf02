"""The machines: one Protocol, a libvirt driver, and a memory driver that ships."""
