#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a cluster of this one node with kubeadm and CRI-O, and tells the agent of it.
# Lima runs it at every start of the machine: what is done already is not done again.
set -eu

FETCH=${FETCH:-/usr/local/lib/tetragon-mini-lima/fetch-checked}
ETC=${ETC:-/etc}
PROGRAMS=${PROGRAMS:-/usr/local/bin}
TREE=${TREE:-/opt/tetragon-mini}

KUBERNETES=1.36.4
SOCKET=unix:///run/crio/crio.sock

# Prints the SHA-256 of a program on a machine.
program_sum() {
	case $1-$2 in
	kubeadm-amd64) echo 10d054585907f2c8bb823c84f6a66b3bd2a474c3d795475f04e9a44f78650fe6 ;;
	kubeadm-arm64) echo 6a849c07d3e1c708f5c40f1ac8be03a56124204dfc7e1931e4113634019c0dad ;;
	kubectl-amd64) echo 8b8f088da2dab964f853b38464033b1be15ede2839eca751482357c45abdd05a ;;
	kubectl-arm64) echo 0ecf44450ee6063bf19dd166a103ee6df4a9034455c2abce626e6eea657d73fb ;;
	kubelet-amd64) echo cf2562db46c48ab84cc3791540778ee7fb1a0a008529adbb434723dd02ed8b4b ;;
	kubelet-arm64) echo fd53ea3fcbd077844f50a3c67e9b52f62972a563674956bab0c0f4fb7ea37d50 ;;
	*)
		echo "tetragon-mini: $1 is not known for $2" >&2
		return 1
		;;
	esac
}

install_programs() {
	architecture=$(dpkg --print-architecture)
	for name in kubeadm kubectl kubelet; do
		sum=$(program_sum "$name" "$architecture")
		"$FETCH" "https://dl.k8s.io/release/v$KUBERNETES/bin/linux/$architecture/$name" \
			"$sum" "$PROGRAMS/$name"
		chmod 755 "$PROGRAMS/$name"
	done
}

# kubeadm writes the files that the kubelet is started with; until then it ends and is tried again.
write_service() {
	mkdir -p "$ETC/systemd/system"
	cat >"$ETC/systemd/system/kubelet.service" <<-END
		[Unit]
		Description=The kubelet of this node
		Wants=network-online.target
		After=network-online.target crio.service

		[Service]
		EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
		ExecStart=$PROGRAMS/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf \\
			--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \\
			--config=/var/lib/kubelet/config.yaml \$KUBELET_KUBEADM_ARGS
		Restart=always
		RestartSec=5

		[Install]
		WantedBy=multi-user.target
	END
	systemctl daemon-reload
	systemctl enable kubelet
}

write_settings() {
	mkdir -p "$ETC/kubernetes"
	cat >"$ETC/kubernetes/kubeadm.yaml" <<-END
		apiVersion: kubeadm.k8s.io/v1beta4
		kind: InitConfiguration
		nodeRegistration:
		  criSocket: $SOCKET
		  taints: []
		---
		apiVersion: kubeadm.k8s.io/v1beta4
		kind: ClusterConfiguration
		kubernetesVersion: v$KUBERNETES
		apiServer:
		  certSANs: ["127.0.0.1"]
		networking:
		  podSubnet: 10.85.0.0/16
		---
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		cgroupDriver: systemd
	END
}

make_cluster() {
	if [ -e "$ETC/kubernetes/admin.conf" ]; then
		return
	fi
	"$PROGRAMS/kubeadm" init --config "$ETC/kubernetes/kubeadm.yaml"
}

# Lima forwards the API server's port, so the computer reaches it as its own.
write_kubeconfig() {
	sed 's|server: https://[^:]*:|server: https://127.0.0.1:|' "$ETC/kubernetes/admin.conf" \
		>"$ETC/kubernetes/tetragon-mini-lima.conf"
	chmod 600 "$ETC/kubernetes/tetragon-mini-lima.conf"
}

tell_agent() {
	settings=$ETC/tetragon/tetragon.conf.d
	if [ -e "$settings/enable-k8s-api" ]; then
		return
	fi
	"$PROGRAMS/kubectl" --kubeconfig "$ETC/kubernetes/admin.conf" apply -k "$TREE/contrib/kubernetes/crds"
	mkdir -p "$settings"
	echo /etc/kubernetes/admin.conf >"$settings/k8s-kubeconfig-path"
	# At a start of the machine the agent is there before the API server is.
	echo -1 >"$settings/k8s-controlplane-retry"
	echo true >"$settings/enable-k8s-api"
	systemctl try-restart tetragon-mini
}

main() {
	install_programs
	write_service
	write_settings
	make_cluster
	write_kubeconfig
	tell_agent
}

[ -n "${FUNCTIONS_ONLY-}" ] || main
