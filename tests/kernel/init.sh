#!/bin/busybox sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# The first process of the machine, twice. At first it mounts the host's files, which nothing here
# can change, with a disk of the machine's own laid over them; then, in that tree (`init inside`),
# it runs the command, leaves its status where the host reads it, and turns the machine off.
# What it says goes to the first serial line, what the command says to the second.

busybox=/bin/busybox

die() {
	echo "init: $*"
	$busybox poweroff -f
}

mount_into() {
	$busybox mkdir -p "$2"
	$busybox mount -t "$1" -o "$3" "$4" "$2" || die "no $2"
}

outside() {
	mount_into devtmpfs /dev rw dev
	mount_into proc /proc rw proc
	mount_into sysfs /sys rw sys
	mount_into securityfs /sys/kernel/security rw security
	for module in /modules/*.ko; do
		$busybox insmod "$module" || die "no $module"
	done
	share=trans=virtio,version=9p2000.L,msize=524288
	mount_into 9p /lower "ro,cache=loose,$share" root
	mount_into ext4 /scratch rw /dev/vda
	$busybox mkdir -p /scratch/upper /scratch/work
	mount_into overlay /new "lowerdir=/lower,upperdir=/scratch/upper,workdir=/scratch/work" new
	for mounted in dev proc sys; do
		$busybox mount --move "/$mounted" "/new/$mounted" || die "no /$mounted"
	done
	mount_into devpts /new/dev/pts gid=5,mode=620,ptmxmode=666 pts
	mount_into tmpfs /new/dev/shm mode=1777 shm
	mount_into tmpfs /new/run mode=755 run
	mount_into 9p /new/run/out "rw,$share" out
	$busybox mkdir -p /scratch/tmp /new/run/tmp
	$busybox chmod 1777 /scratch/tmp
	$busybox mount --bind /scratch/tmp /new/run/tmp
	$busybox cp /init $busybox /new/run/
	exec $busybox switch_root /new /run/busybox sh /run/init inside
}

inside() {
	busybox=/run/busybox
	$busybox ip link set lo up
	$busybox hostname machine
	# A disk's file system for what tests make, as in a computer; /tmp is the overlay's.
	export TMPDIR=/run/tmp HOME=/root TERM=dumb
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	$busybox stty -F /dev/ttyS1 raw -echo
	$busybox setsid /bin/bash /run/out/command </dev/null >/dev/ttyS1 2>&1
	echo $? >/run/out/status
	$busybox sync
	$busybox poweroff -f
}

if [ "$1" = inside ]; then
	inside
else
	outside
fi
