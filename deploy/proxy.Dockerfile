# Caddy as nobody, with its settings; it keeps certificates in the volume at /data.
ARG CADDY_IMAGE=caddy:2
FROM ${CADDY_IMAGE}
RUN mkdir -p /data /config && chown 10001:10001 /data /config
COPY deploy/Caddyfile /etc/caddy/Caddyfile
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config HOME=/config
USER 10001:10001
EXPOSE 8080 8443
HEALTHCHECK --interval=5s --timeout=4s --start-period=1m CMD \
  wget -qO- http://127.0.0.1:2020/ 2>/dev/null || curl -fs http://127.0.0.1:2020/
ENTRYPOINT []
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
