# The server, with its page, on port 7860. It asks for a key:
#   docker build -t photochrom . && docker run --rm -p 127.0.0.1:7860:7860 -e PHOTOCHROM_API_KEY=... photochrom
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE* NOTICE constraints.txt ./
COPY src src
RUN python -m venv /app \
    && /app/bin/pip install --no-cache-dir --constraint constraints.txt '.[serve,heic]'

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home photochrom \
    && install -d -o photochrom -m 700 /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1
USER 10001
VOLUME /data
EXPOSE 7860
HEALTHCHECK --start-period=20s CMD ["python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/healthz', timeout=5)"]
ENTRYPOINT ["photochrom", "serve", "--host", "0.0.0.0", "--data-dir", "/data"]
