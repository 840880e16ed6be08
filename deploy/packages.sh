# shellcheck shell=bash
# What has to be on the machine; read by deploy/run and deploy/test.

# Libraries to build with, and what the product reads: time zones, and whose certificates to trust.
# shellcheck disable=SC2034
build_packages=(
    libldns-dev libssl-dev libyaml-dev libidn2-dev libsqlite3-dev libcurl4-openssl-dev libarchive-dev
    libc6-dev tzdata ca-certificates
)

# Ends with a clear message where there is no Swift.
need_swift() {
    if command -v swift >/dev/null; then return; fi
    cat >&2 <<'TEXT'
There is no `swift` here. Bellgate is built with the Swift 6.3 toolchain:
  https://www.swift.org/install/linux/
Install it, see that `swift --version` works, and run this again.
TEXT
    exit 1
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The headers that the build cannot go without, wherever they came from.
have_headers() {
    local header
    for header in ldns/ldns.h openssl/evp.h yaml.h idn2.h sqlite3.h curl/curl.h archive.h; do
        [ -e "/usr/include/$header" ] || [ -e "/usr/include/$(uname -m)-linux-gnu/$header" ] || [ -e "/usr/local/include/$header" ] || return 1
    done
}

# install_packages NAME...: installs those that are missing.
#
# Where that cannot be done, goes on if the build can still work, and ends with a message if not.
install_packages() {
    local package missing=() as_root=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        have_headers && return
        echo "This is no Debian. Install the headers of ldns, libyaml, libidn2, SQLite, libcurl and libarchive first." >&2
        exit 1
    fi
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "Installing Debian packages: ${missing[*]}" >&2
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null; then as_root=(sudo); else as_root=(false); fi
    fi
    if "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null >&2 \
        && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null >&2
    then
        return 0
    fi
    echo "apt-get could not install: ${missing[*]}" >&2
    if have_headers; then
        echo "The headers that the build needs are there, so it goes on without." >&2
        return 0
    fi
    echo "Install them as root and run this again:  apt-get install ${missing[*]}" >&2
    exit 1
}
