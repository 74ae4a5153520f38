#!/usr/bin/env bash
# JupyterLab on http://127.0.0.1:8888, or with arguments xaisigns with these; both in a container that sees the current
# folder as /workspace. docker/run.ps1 does the same on Windows.
set -euo pipefail

fail() {
  echo "docker/run.sh: $1" >&2
  exit 1
}

command -v docker >/dev/null ||
  fail "docker was not found; install Docker (docs.docker.com/get-docker), or xaisigns without it: see README.md"
docker info >/dev/null 2>&1 ||
  fail "Docker's engine does not answer; start Docker Desktop or the docker service, and see what 'docker info' says"

docker image inspect xaisigns >/dev/null 2>&1 || docker build --tag xaisigns "$(dirname "$0")/.." >&2

options=(--rm --init --volume "$PWD:/workspace" --volume xaisigns-cache:/cache --env XAISIGNS_LANG)
options+=(--user "$(id -u):$(id -g)") # files in the folder belong to you
[ -t 0 ] && [ -t 1 ] && options+=(--interactive --tty)
[ $# = 0 ] && options+=(--publish 127.0.0.1:8888:8888 --env JUPYTER_TOKEN)

exec docker run "${options[@]}" xaisigns "$@"
