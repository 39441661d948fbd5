#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# An OCI hook's reason reaches the user through runc, and nobody through crun.
#
# Version:  crun 1.8.1-1+deb12u1 and runc 1.1.5+ds1-1+deb12u1 (Debian 12)
# Expected: a hook that refuses a container says why on stderr; the runtime passes it on in its error.
# Seen:     runc's error holds the hook's stderr. crun names the hook's path and exit code and nothing else; its own
#           status is 255 for prestart and createRuntime, 1 for createContainer, where runc has 1. A poststart hook
#           that fails is named by runc, and by crun not at all (status 0). Who writes a hook has to write to the
#           system's log as well. (crun has an annotation, run.oci.hooks.stderr, which the engine's user must set.)
# Source:   crun src/libcrun/container.c (do_hooks), crun(1); runc libcontainer/configs; the runtime specification
#           says no more than that an error must be generated
#
# Needs root. It runs in a mount namespace with cgroup v2, the only one that this crun takes.
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
apt-get -qq -o APT::Sandbox::User=root download crun=1.8.1-1+deb12u1 runc=1.1.5+ds1-1+deb12u1 \
    libyajl2=2.1.0-3+deb12u2 libseccomp2=2.5.4-1+deb12u1 busybox-static=1:1.35.0-4+deb12u1+b1
for package in *.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(find "$here/root" -name 'libyajl.so.2' -o -name 'libseccomp.so.2' | sed 's|/[^/]*$||' | tr '\n' :)
export LD_LIBRARY_PATH
mkdir -p bundle/rootfs/bin
cp root/bin/busybox bundle/rootfs/bin
cat >hook <<'EOF'
#!/bin/sh
cat >/dev/null
echo 'the reason' >&2
exit 1
EOF
chmod 755 hook

refused() { # RUNTIME POINT: the container's status and what was said
    cat >bundle/config.json <<EOF
{"ociVersion": "1.0.2", "root": {"path": "rootfs"},
 "process": {"args": ["/bin/busybox", "true"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
 "hooks": {"$2": [{"path": "$here/hook"}]},
 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}]}}
EOF
    status=0
    options=
    [ "$1" = runc ] || options=--cgroup-manager=disabled
    unshare --mount sh -c 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh \
        "root/usr/bin/$1" $options --root "$here/state" run -b bundle "$1-$2" >said 2>&1 || status=$?
    how=silent
    ! grep -q 'hook' said || how=named
    ! grep -q 'the reason' said || how='with its reason'
    echo "$1 $2: status $status, $how"
}

for runtime in runc crun; do
    for point in prestart createRuntime createContainer poststart; do
        refused $runtime $point
    done
done >all
cat >expected <<'EOF'
runc prestart: status 1, with its reason
runc createRuntime: status 1, with its reason
runc createContainer: status 1, with its reason
runc poststart: status 1, with its reason
crun prestart: status 255, named
crun createRuntime: status 255, named
crun createContainer: status 1, named
crun poststart: status 0, silent
EOF
diff expected all || { cat said; echo 'not as it was'; exit 1; }
echo 'as found:'
cat all
