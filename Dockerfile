# Two stages: the first has pip and a cache, the second has neither. Made for a read-only root
# filesystem and the restricted Pod Security standard; see manifests/deployment.yaml.
#
#     docker build -t davy:0.1.0 .

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# The lock before the sources: a changed line of Davy doesn't install its dependencies anew.
COPY requirements/runtime.lock requirements/runtime.lock
RUN python -m venv /opt/davy \
 && /opt/davy/bin/pip install --require-hashes --only-binary :all: -r requirements/runtime.lock
# The build back end is pinned too, and stays in this stage.
COPY requirements/dev.lock requirements/dev.lock
RUN sed -n '/^setuptools==/,/# via/p' requirements/dev.lock > build.lock \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
 && /opt/davy/bin/pip install --no-deps wheels/*.whl \
 # Compiled once here: a read-only root can't keep what Python compiles at the first start.
 && /opt/davy/bin/python -m compileall -q /opt/davy/lib \
 && /opt/davy/bin/pip uninstall -y pip

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="Davy" \
      org.opencontainers.image.description="Progressive delivery for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/davy /opt/davy
COPY LICENSE /opt/davy/LICENSE
ENV PATH=/opt/davy/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["davy"]
CMD ["run"]
