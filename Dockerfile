# docker build -t restorebench .                          CPU
# docker build -t restorebench --build-arg DEVICE=gpu .   GPU; run it with --gpus all
#
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" restorebench run
# leaves runs/ and site/ in the folder it is started from.
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
ARG DEVICE=cpu

# BRISQUE's package is compiled.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

# torch first, in a layer of its own: it is most of the image and seldom changes.
WORKDIR /src
COPY constraints.txt .
# hadolint ignore=SC2086
RUN case "$DEVICE" in \
        cpu) index="--index-url https://download.pytorch.org/whl/cpu" ;; \
        gpu) index="" ;; \
        *) echo "DEVICE is cpu or gpu, not $DEVICE" >&2; exit 2 ;; \
    esac && pip install --no-cache-dir -c constraints.txt $index torch torchvision

COPY . .
ARG EXTRAS=""
RUN pip install --no-cache-dir -c constraints.txt ".${EXTRAS:+[$EXTRAS]}"

FROM python:${PYTHON}-slim
# What OpenCV loads.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp
WORKDIR /work
RUN useradd --uid 1000 reader && chown reader /work
USER 1000
ENTRYPOINT ["restorebench"]
CMD ["--help"]
