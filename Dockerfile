# One image for every role: `fitly worker`, `fitly sink`, `fitly topics create`, `fitly db upgrade` …
# The embedded stack of `fitly up` is left out: here Kafka and Postgres are neighbours, not children.

# Two images of one release: this one has a C compiler, which the fold is compiled with; the one that runs needs none.
FROM python:3.13-trixie AS build
SHELL ["/bin/bash", "-eu", "-o", "pipefail", "-c"]
WORKDIR /build
# Everything that is downloaded is named with its hash in the locks: uv, the libraries, the build backend and mypyc. Only wheels: nothing of others is compiled.
COPY requirements.lock requirements-runtime.lock ./
RUN awk '/^uv==/ {on=1} on {print} on && !/\\$/ {exit}' requirements.lock > uv.lock \
 && pip install --no-cache-dir --require-hashes -r uv.lock \
 && python -m venv --without-pip /opt/fitly \
 && uv pip install --no-cache --no-build --python /opt/fitly/bin/python --require-hashes -r requirements-runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY tools/compile_hook.py tools/
COPY src src
RUN HATCH_BUILD_HOOKS_ENABLE=1 uv build --no-cache --wheel --build-constraints requirements.lock --require-hashes --out-dir dist \
 && uv pip install --no-cache --no-deps --python /opt/fitly/bin/python dist/*.whl \
 && /opt/fitly/bin/python -m compileall -q /opt/fitly/lib

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/fitly fitly
COPY --from=build /opt/fitly /opt/fitly
ENV PATH=/opt/fitly/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/fitly
ENTRYPOINT ["fitly"]
CMD ["--help"]
