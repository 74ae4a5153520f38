#!/bin/sh
# Without arguments, or with "lab": JupyterLab in the working directory. Anything else: xaisigns with these arguments.
set -eu

case "$*" in
"" | lab) ;;
*) exec xaisigns "$@" ;;
esac

if ! [ -w . ]; then
  echo "xaisigns: user $(id -u) cannot write into $PWD, where JupyterLab is to work: mount a folder there that the user" \
    "may write, or start the container with --user \"\$(id -u):\$(id -g)\"" >&2
  exit 1
fi

# Notebooks and documents are copied once, whole or not at all; from then on they are the user's to change.
if ! [ -e xaisigns-examples ]; then
  home=$(dirname "$0")/..
  mkdir -p .xaisigns-examples.part/weights
  cp -R "$home/README.md" "$home/docs" "$home/examples" .xaisigns-examples.part
  cp "$home/weights/README.md" .xaisigns-examples.part/weights
  mv .xaisigns-examples.part xaisigns-examples
fi

touch "$HOME/.serves-jupyterlab" # so that healthcheck.py asks it

# A token is always asked for: that of JUPYTER_TOKEN, or one that the log tells. No news, no look for updates.
exec jupyter lab --ip=0.0.0.0 --no-browser \
  --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate
