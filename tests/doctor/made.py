"""Trees of /sys, /proc and /dev, made after the kernel's documentation. None is a recording.

PCI attributes: Documentation/ABI/testing/sysfs-bus-pci. i915: drivers/gpu/drm/i915/gt/
intel_gt_sysfs_pm.c. xe: Documentation/gpu/xe/xe_gt_freq.rst. Power: sysfs-driver-intel-i915-hwmon
and sysfs-driver-intel-xe-hwmon. Quotas: Documentation/admin-guide/cgroup-v2.rst and
Documentation/scheduler/sched-bwc.rst. WSL: github.com/microsoft/wslg, samples/container. That a
card's own link reads 2.5 GT/s x1 and its switch's upstream port has the true one:
github.com/Syllo/nvtop/pull/344. Clocks and watts are plausible, no card's.
"""

import os

GIB = 1 << 30
PLACEHOLDER = ("2.5 GT/s PCIe", 1, "2.5 GT/s PCIe", 1)


class Made:
    """A machine that is made file by file."""

    X16 = ("16.0 GT/s PCIe", 16, "16.0 GT/s PCIe", 16)
    X8 = ("16.0 GT/s PCIe", 8, "16.0 GT/s PCIe", 8)

    def __init__(self, root):
        self.root = root
        self.cards = 0
        for folder in ("sys/bus/pci/devices", "sys/bus/pci/drivers", "sys/class/drm", "dev/dri"):
            (root / folder).mkdir(parents=True)
        self.write("proc/sys/kernel/osrelease", "6.14.0-27-generic")
        self.write("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet")
        self.write("proc/meminfo", "MemTotal:       65536000 kB\nMemFree:        60000000 kB")
        processor = "processor\t: 0\nmodel name\t: A Processor\nflags\t\t: fpu avx2 avx512f\n"
        self.write("proc/cpuinfo", processor + "\n" + processor.replace(": 0", ": 1"))
        for core in range(2):
            cpufreq = f"sys/devices/system/cpu/cpu{core}/cpufreq"
            self.write(f"{cpufreq}/scaling_governor", "performance")
        self.write("sys/devices/system/node/node0/cpulist", "0-1")

    def write(self, path, value):
        """One attribute, with the line feed that the kernel puts behind it."""
        file = self.root / path if isinstance(path, str) else path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")

    def point(self, link, target):
        """A relative link, as all of sysfs's are."""
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(target, link.parent))

    def pci(self, parent, address, vendor, device, class_, link=None):
        """A PCI device below `parent` (None: the host bridge)."""
        folder = (parent or self.root / "sys/devices/pci0000:00") / address
        for name, value in (("vendor", vendor), ("device", device), ("class", class_)):
            self.write(folder / name, f"0x{value:0{6 if name == 'class' else 4}x}")
        self.write(folder / "numa_node", -1)
        if link is not None:
            for which, (speed, width) in (("current", link[:2]), ("max", link[2:])):
                self.write(folder / f"{which}_link_speed", speed)
                self.write(folder / f"{which}_link_width", width)
        self.point(self.root / "sys/bus/pci/devices" / address, folder)
        return folder

    def drm(self, device, driver):
        """A DRM card and its render node, bound to a driver."""
        bound = self.root / "sys/bus/pci/drivers" / driver
        bound.mkdir(exist_ok=True)
        self.point(device / "driver", bound)
        names = f"card{self.cards}", f"renderD{128 + self.cards}"
        self.cards += 1
        for name in names:
            self.write(device / "drm" / name / "dev", "226:0")
            self.point(device / "drm" / name / "device", device)
            self.point(self.root / "sys/class/drm" / name, device / "drm" / name)
            self.write(f"dev/dri/{name}", "")
        return device / "drm" / names[0]

    def integrated(self, driver="i915"):
        """The processor's own graphics: always 0000:00:02.0, no link, a window of no meaning."""
        device = self.pci(None, "0000:00:02.0", 0x8086, 0x4680, 0x030000)
        self.memory(device, 256 << 20)
        self.i915_clocks(self.drm(device, driver))
        return device

    def card(self, bus, device_id, link, driver="i915", slot_parent=None, window=16 * GIB):
        """A card behind its own switch: upstream port, downstream port, GPU."""
        alchemist = 0x5600 <= device_id < 0x5700
        ids = (0x4FA0, 0x4FA4) if alchemist else (0xE2FF, 0xE2F0)
        root = slot_parent or self.pci(None, f"0000:00:{bus:02x}.0", 0x8086, 0xA70D, 0x060400, link)
        up = self.pci(root, f"0000:{bus:02x}:00.0", 0x8086, ids[0], 0x060400, link)
        down = self.pci(up, f"0000:{bus + 1:02x}:01.0", 0x8086, ids[1], 0x060400, PLACEHOLDER)
        gpu = self.pci(down, f"0000:{bus + 2:02x}:00.0", 0x8086, device_id, 0x030000, PLACEHOLDER)
        self.memory(gpu, window, sizes=(256 << 20, 512 << 20, 16 * GIB))
        if driver is not None:
            card = self.drm(gpu, driver)
            if driver == "xe":
                self.xe_clocks(gpu)
            else:
                self.i915_clocks(card)
            self.power(gpu, driver)
        return gpu

    def memory(self, device, window, sizes=()):
        """BAR 0 of 16 MiB, BAR 2 of `window` bytes, and what BAR 2 could be."""
        start = 0x6800000000
        rows = [(0x78000000, 0x78FFFFFF, 0x140204), (0, 0, 0)]
        rows += [(start, start + window - 1, 0x14220C), *[(0, 0, 0)] * 10]
        lines = (" ".join(f"0x{part:016x}" for part in row) for row in rows)
        self.write(device / "resource", "\n".join(lines))
        if sizes:
            bitmap = sum(size >> 20 for size in sizes)
            self.write(device / "resource2_resize", f"{bitmap:016x}")

    def i915_clocks(self, card, low=300, high=2400):
        gt = card / "gt/gt0"
        for name, mhz in (
            ("act", 600),
            ("cur", 600),
            ("min", low),
            ("max", high),
            ("boost", high),
            ("RP0", 2400),
            ("RP1", 600),
            ("RPn", 300),
        ):
            self.write(gt / f"rps_{name}_freq_mhz", mhz)
        for reason in ("status", "pl1", "pl2", "pl4", "thermal", "prochot", "ratl", "vr_tdc"):
            self.write(gt / f"throttle_reason_{reason}", 0)

    def xe_clocks(self, device, low=400, high=2850):
        for gt, highest in (("gt0", 2850), ("gt1", 1500)):  # the second is of the media engines
            freq = device / "tile0" / gt / "freq0"
            for name, mhz in (
                ("act", 800),
                ("cur", 800),
                ("min", low),
                ("max", min(high, highest)),
                ("rp0", highest),
                ("rpe", 800),
                ("rpn", 400),
            ):
                self.write(freq / f"{name}_freq", mhz)
            for reason in ("pl1", "pl2", "pl4", "thermal", "prochot", "ratl", "vr_tdc"):
                self.write(freq / f"throttle/reason_{reason}", 0)
            self.write(freq / "throttle/status", 0)

    def power(self, device, driver, limit=190_000_000, rated=190_000_000):
        self.hwmon(device, driver, power1_max=limit, power1_rated_max=rated)

    def hwmon(self, device, driver, **microwatts):
        """Just these limits: which of them exist differs by driver, kernel and card."""
        hwmon = device / "hwmon/hwmon3"
        for old in hwmon.glob("power*"):
            old.unlink()
        self.write(hwmon / "name", driver)
        self.write(hwmon / "energy1_input", 123_456_789)
        for name, value in microwatts.items():
            self.write(hwmon / name, value)

    def passed_through(self, device_id, driver, port=True):
        """A card in a virtual machine: the GPU without its switch, behind QEMU's port or none."""
        self.write("proc/cpuinfo", "model name\t: A Processor\nflags\t\t: fpu hypervisor")
        emulated = ("16.0 GT/s PCIe", 32, "16.0 GT/s PCIe", 32)
        root = self.pci(None, "0000:00:02.0", 0x1B36, 0x000C, 0x060400, emulated) if port else None
        bus = 1 if port else 0
        gpu = self.pci(root, f"0000:{bus:02x}:05.0", 0x8086, device_id, 0x030000, PLACEHOLDER)
        self.memory(gpu, 16 * GIB)
        self.drm(gpu, driver)
        return gpu

    def wsl(self, dxg=True, libraries=True):
        """WSL2: Microsoft's kernel, nothing of a card on the PCI bus."""
        self.write("proc/sys/kernel/osrelease", "6.6.87.2-microsoft-standard-WSL2")
        self.write("proc/cpuinfo", "model name\t: A Processor\nflags\t\t: fpu hypervisor")
        if dxg:
            self.write("dev/dxg", "")
        if libraries:
            self.write("usr/lib/wsl/lib/libdxcore.so", "")

    def cgroup2(self, path="/", quota=None, period=100_000, periods=0, throttled=0, memory=None):
        """The files of a group of cgroup v2, which this process is in."""
        self.write("proc/self/cgroup", f"0::{path}")
        group = self.root / "sys/fs/cgroup" / path.strip("/")
        self.write(group / "cpu.max", f"{'max' if quota is None else quota} {period}")
        stat = f"usage_usec 123\nnr_periods {periods}\nnr_throttled {throttled}\nthrottled_usec 9"
        self.write(group / "cpu.stat", stat)
        self.write(group / "memory.max", "max" if memory is None else memory)
        self.write(group / "memory.current", 1 << 20)

    def cgroup1(self, quota=-1, period=100_000, periods=0, throttled=0, memory=(1 << 63) - 4096):
        """The files of cgroup v1 as a container sees them: its own group at the top."""
        inside = "/docker/0123456789abcdef"
        self.write("proc/self/cgroup", f"4:memory:{inside}\n3:cpu,cpuacct:{inside}\n1:name=s:/")
        cpu, held = (self.root / "sys/fs/cgroup" / name for name in ("cpu,cpuacct", "memory"))
        self.write(cpu / "cpu.cfs_quota_us", quota)
        self.write(cpu / "cpu.cfs_period_us", period)
        stat = f"nr_periods {periods}\nnr_throttled {throttled}\nthrottled_time 9"
        self.write(cpu / "cpu.stat", stat)
        self.write(held / "memory.limit_in_bytes", memory)
        self.write(held / "memory.usage_in_bytes", 1 << 20)

    def status(self, cores="0-1", capabilities=0x00000000A80425FB, seccomp=2):
        """This process's own status; the capabilities are docker's default, without SYS_PTRACE."""
        lines = f"CapEff:\t{capabilities:016x}\nSeccomp:\t{seccomp}\nCpus_allowed_list:\t{cores}"
        self.write("proc/self/status", f"Name:\tpython3\n{lines}")

    def container(self, shm="65536k"):
        """Docker's marks, and what it gives without being asked."""
        self.write(".dockerenv", "")
        self.status()
        shm_mount = f"shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size={shm} 0 0"
        self.write("proc/self/mounts", f"overlay / overlay rw 0 0\n{shm_mount}")

    def iommu(self, device, group, type_):
        folder = self.root / f"sys/kernel/iommu_groups/{group}"
        self.write(folder / "type", type_)
        self.point(device / "iommu_group", folder)
