#!/usr/bin/python3
"""Shows a folder at a mount point, and lets calls hang or fail as a control file says.

    hanging-fs.py FOLDER MOUNTPOINT CONTROL

Each line of CONTROL is `CALL NAME ACTION`: CALL is getattr, open, read or *; NAME is a path below the mount point, with a leading
slash, or *; ACTION is `hang` (until no line says so any more) or the name of an error, such as EIO. A call that hangs looks at CONTROL
every 20 ms; when its caller is killed it returns, as calls of NFS do. Nothing is kept in the kernel, so that each call comes here. It
ends when it is unmounted.
"""
import errno
import os
import sys
import time

from fusepy import FUSE, FuseOSError, Operations, _libfuse as libfuse

folder, mount_point, control = sys.argv[1:]


def action(call, path):
    try:
        with open(control) as lines:
            for line in lines:
                wanted = line.split()
                if len(wanted) == 3 and wanted[0] in (call, "*") and wanted[1] in (path, "*"):
                    return wanted[2]
    except FileNotFoundError:
        pass
    return None


def obey(call, path):
    wanted = action(call, path)
    while wanted == "hang":
        if libfuse.fuse_interrupted():
            raise FuseOSError(errno.EINTR)
        time.sleep(0.02)
        wanted = action(call, path)
    if wanted is not None:
        raise FuseOSError(getattr(errno, wanted))


class Hanging(Operations):
    def getattr(self, path, fh=None):
        obey("getattr", path)
        stat = os.lstat(folder + path)
        return {key: getattr(stat, key) for key in ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(folder + path)]

    def readlink(self, path):
        return os.readlink(folder + path)

    def open(self, path, flags):
        obey("open", path)
        return os.open(folder + path, flags)

    def create(self, path, mode, fi=None):
        obey("open", path)
        return os.open(folder + path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def read(self, path, size, offset, fh):
        obey("read", path)
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def rename(self, old, new):
        os.rename(folder + old, folder + new)

    def link(self, target, source):
        os.link(folder + source, folder + target)

    def unlink(self, path):
        os.unlink(folder + path)

    def release(self, path, fh):
        os.close(fh)


# `direct_io` is not set: RWF_NOWAIT and mmap must go as they do on any disk.
FUSE(Hanging(), mount_point, foreground=True, nothreads=False, attr_timeout=0, entry_timeout=0, negative_timeout=0)
