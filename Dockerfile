# xaisigns on the CPU. Without arguments the container serves JupyterLab with the notebooks of examples/; arguments are
# those of the command line: docker run --rm --volume "$PWD:/workspace" xaisigns explain sign.png
FROM python:3.12-slim

LABEL org.opencontainers.image.title="xaisigns" \
      org.opencontainers.image.description="See what a traffic-sign classifier really learnt" \
      org.opencontainers.image.licenses="MIT"

# RUN steps name places by variables or by the working directory: docker/rehearse.py can then perform them elsewhere.
ENV PYTHONUNBUFFERED=1 \
    UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1 \
    VIRTUAL_ENV=/opt/venv
ENV PATH="$VIRTUAL_ENV/bin:$PATH"
RUN python -m venv "$VIRTUAL_ENV" && pip install --no-cache-dir uv==0.13.9

# uv knows where each build of PyTorch lies; pip would fetch the one with CUDA, 5.4 GB on disk.
ARG TORCH_BACKEND=cpu
RUN uv pip install --torch-backend "$TORCH_BACKEND" torch torchvision

# What the package needs comes before its source, so that a change of the source does not install all of it again.
WORKDIR /opt/xaisigns
COPY pyproject.toml ./
RUN uv pip install -r pyproject.toml --extra live --extra notebook --extra report
COPY LICENSE README.md ./
COPY weights/ weights/
COPY xaisigns/ xaisigns/
RUN uv pip install '.[live,notebook,report]'

# What the notebooks point at lies beside them.
COPY docs/ docs/
COPY examples/ examples/
COPY docker/entrypoint.sh docker/healthcheck.py docker/
# A copy of the repository may be readable by its owner alone.
RUN chmod -R a+rX docker docs examples README.md weights

ENV HOME=/home/xaisigns \
    XAISIGNS_CACHE=/cache \
    MPLCONFIGDIR=/cache/matplotlib \
    JUPYTER_PORT=8888
RUN useradd --uid 1000 --home-dir "$HOME" xaisigns
WORKDIR /workspace
# Open to every user, as /tmp is: with --user "$(id -u):$(id -g)" files in a mounted folder belong to the caller.
RUN install -d -m 1777 . "$HOME" "$XAISIGNS_CACHE" "$MPLCONFIGDIR"
USER 1000
VOLUME /cache
EXPOSE 8888

HEALTHCHECK --start-period=30s --timeout=10s CMD ["python", "/opt/xaisigns/docker/healthcheck.py"]
ENTRYPOINT ["sh", "/opt/xaisigns/docker/entrypoint.sh"]
