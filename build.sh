#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh: installs what mod_wheel needs on a bare Debian 12, then builds, runs
# or tests it.  All lists of packages are in this file.

set -eu
unset CDPATH
cd -- "$(dirname -- "$0")"
here=$PWD

usage() {
    cat <<'USAGE'
Usage: ./build.sh COMMAND

  run      build and serve at http://127.0.0.1:8000/ until Ctrl-C
             WHEEL_PORT=8000                   another port
             WHEEL_MPM=event|worker|prefork    another MPM
             WHEEL_REDIS=HOST:PORT             one of several servers, on other
                                               ports or machines, that share
                                               stops through this Redis
  test     build, check and run all tests, some of them with sanitizers too
  test TEST...
           build and run these tests alone, without the checks: files such as
           t/stop/ignores-a-body.t, or topics, which are the folders of t (stop,
           restart, unit, browser ...); options such as --mpm=event and -v are
           those of t/run
  build    build only
  deb      make the Debian packages, in mod_wheel/.deb
  deb-check  make them, and use them in a clean Debian; for root
  bench    measure it beside FastAPI with gunicorn, a Go server, and what else
           ends requests, in about 25 minutes; ROUNDS=2 for a shorter run
  help     this text

Debian packages that are missing are installed first.
USAGE
}

say() {
    printf 'build.sh: %s\n' "$*"
}

die() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

wrong_usage() {
    say "$*" >&2
    usage >&2
    exit 2
}

# --- packages ---------------------------------------------------------------

# Never apache2: it would start a server of its own.  apache2-bin is httpd
# alone.  libc6-dev is what gcc merely recommends; curl is what one drives the
# server with.
run_packages=(
    apache2-bin apache2-dev curl gcc libc6-dev libdw-dev libhiredis-dev
    libjansson-dev liblua5.3-dev libseccomp-dev make media-types pkg-config
)

# libapache2-mod-perl2 brings Apache::Test, libclang-rt-dev the sanitizers and
# libFuzzer of clang, libaprutil1-dbd-pgsql a database client for mod_dbd that
# can wait for a silent server.  redis-tools has the program of redis-server as
# well, without its service.
test_packages=(
    chromium-headless-shell clang clang-format cppcheck g++
    libapache2-mod-perl2 libaprutil1-dbd-pgsql libclang-rt-dev libcmocka-dev
    libpng-dev libwww-perl mandoc nghttp2-client nodejs npm openssl
    python3-jsonschema redis-tools shellcheck valgrind
)

# What makes and checks Debian packages.
deb_packages=(build-essential debhelper libcmocka-dev)
deb_check_packages=(ca-certificates debootstrap lintian man-db)

# What it is compared with, what asks, and what draws the plots.
bench_packages=(
    golang-go gnuplot-nox gunicorn libapache2-mod-perl2 libpython3.11
    nghttp2-client python3-fastapi redis-tools uvicorn uwsgi-core
    uwsgi-plugin-python3 valgrind
)

# Prints those of the named packages that are not there.  A package that
# another one provides is there.
missing_packages() {
    printf '%s\n' "$@" | grep -vxF -f <(
        dpkg-query -W -f '${db:Status-Status} ${Package}, ${Provides}\n' |
            sed -n 's/^installed //p' | tr ',' '\n' | awk 'NF {print $1}'
    ) || true
}

# Runs a command as root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_update() {
    as_root apt-get -q update
}

install_packages() {
    local missing not_wanted=()

    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian: install the packages yourself"
        return
    fi
    mapfile -t missing < <(missing_packages "$@")
    if [ ${#missing[@]} -eq 0 ]; then
        return
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "these packages are missing, and only root can install them" \
            "(there is no sudo): ${missing[*]}"
    fi
    say "installing with apt: ${missing[*]}"
    # It must not be installed as a dependency either.
    if [ -n "$(missing_packages apache2)" ]; then
        not_wanted=(apache2-)
    fi
    apt_update || say "apt-get update failed; trying with the lists at hand"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --no-install-recommends \
        install "${missing[@]}" "${not_wanted[@]}" ||
        die "these packages could not be installed: ${missing[*]}"
}

# Debian packages that are unpacked in t/.cache and not installed: installed,
# they would start a service of their own or be enabled in httpd.
cache=$here/t/.cache
php_packages=(
    libapache2-mod-php8.2 libapparmor1 libargon2-1 libsodium23 php8.2-fpm
    php8.2-opcache
)
peer_packages=(
    haproxy libapache2-mod-wsgi-py3 libopentracing-c-wrapper0 libopentracing1
)

# The name of a directory of the cache, then the packages for it.
unpack_packages() {
    local dir=$cache/$1 new=$cache/$1.new package

    shift
    if [ -d "$dir" ] || ! command -v dpkg-deb >/dev/null; then
        return
    fi
    say "unpacking in t/.cache, not installing: $*"
    rm -rf "$new"
    mkdir -p "$new"
    (
        cd "$new"
        apt-get -q download "$@" ||
            { apt_update && apt-get -q download "$@"; }
        for package in *.deb; do
            dpkg-deb -x "$package" .
        done
        rm -- *.deb
    ) || die "these packages could not be downloaded: $*"
    mv "$new" "$dir"
}

fetch_prometheus() {
    if ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null
    then
        unpack_packages prometheus prometheus
    fi
}

fetch_php() {
    unpack_packages php "${php_packages[@]}"
}

fetch_peers() {
    unpack_packages peers "${peer_packages[@]}"
}

# The library that drives the browser, in the versions of the lock file.
fetch_browser_driver() {
    local lock=t/browser/package-lock.json
    local installed=t/browser/node_modules/.package-lock.json

    if [ ! -e "$lock" ] || [ "$installed" -nt "$lock" ]; then
        return
    fi
    say "installing with npm in t/browser: what drives the browser"
    npm ci --prefix t/browser --ignore-scripts --no-audit --no-fund \
        --no-update-notifier || die "npm could not install it"
}

# --- build and test ---------------------------------------------------------

build() {
    install_packages "${run_packages[@]}"
    make -s -j"$(nproc)" all
}

run_tests() {
    install_packages "${run_packages[@]}" "${test_packages[@]}"
    fetch_prometheus
    fetch_php
    fetch_browser_driver
    PATH=$PATH:/usr/sbin:$cache/prometheus/usr/bin
    make -j"$(nproc)" tests
    if [ $# -gt 0 ]; then
        exec perl t/run "$@"
    fi
    make -j"$(nproc)" check
    # The tests that allocate the most, under one MPM: make test-asan runs all.
    make -j"$(nproc)" tsan asan
    make test-tsan
    make test-asan TEST_FLAGS=--mpm=event TESTS='unit api
        contract/departed-client.t contract/killed-child.t
        contract/on-restart-stop.t contract/shutdown-by-term.t
        control/rubbish.t faults/odd-requests.t faults/escaping.t'
    # Last, so that its summary is what one sees.
    exec perl t/run
}

# --- Debian packages --------------------------------------------------------

make_deb() {
    install_packages "${run_packages[@]}" "${deb_packages[@]}"
    make deb
}

check_deb() {
    install_packages "${run_packages[@]}" "${deb_packages[@]}" \
        "${deb_check_packages[@]}"
    make deb-check
}

# --- bench ------------------------------------------------------------------

run_bench() {
    install_packages "${run_packages[@]}" "${bench_packages[@]}"
    fetch_php
    fetch_peers
    PATH=$PATH:/usr/sbin
    # Real-time priority is for root alone, unless a limit allows it.
    if [ "$(id -u)" -ne 0 ] && [ "$(ulimit -r)" = 0 ]; then
        say "no real-time priority for this user: figures will include how" \
            "the client itself is woken; run it as root, or raise RLIMIT_RTPRIO"
    fi
    exec make -j"$(nproc)" bench ROUNDS="${ROUNDS:-3}"
}

# --- run --------------------------------------------------------------------

# HOST:PORT, where HOST is a name, an IPv4 address or, in brackets, an IPv6 one.
redis_form='^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$'

check_settings() {
    local address

    case $port in
    '' | *[!0-9]* | ??????*)
        die "WHEEL_PORT is '$port'; it must be a number from 1 to 65535"
        ;;
    esac
    port=$((10#$port))
    if [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
        die "WHEEL_PORT is '$port'; it must be a number from 1 to 65535"
    fi
    case $mpm in
    prefork | worker | event) ;;
    *)
        die "WHEEL_MPM is '$mpm'; it must be prefork, worker or event"
        ;;
    esac
    if [ -n "$redis" ] && ! [[ $redis =~ $redis_form ]]; then
        die "WHEEL_REDIS is '$redis'; it must be HOST:PORT, such as" \
            "127.0.0.1:6379"
    fi
    for address in 127.0.0.1 ::1; do
        if answers "$address"; then
            die "port $port of $address is in use; choose another with" \
                "WHEEL_PORT"
        fi
    done
}

# Does something listen at our port of this address?
answers() {
    (exec 9<>"/dev/tcp/$1/$port") 2>/dev/null
}

# Is ::1 an address of this machine?
has_ipv6() {
    grep -qs '^0\{31\}1 ' /proc/net/if_inet6
}

# Sets run_dir: for pid, logs and a copy of the page.  Children of root's
# server run as somebody else, who may not be able to look into the checkout
# or into root's own directories.
make_run_dir() {
    local base=${XDG_RUNTIME_DIR:-/tmp}

    if [ "$(id -u)" -eq 0 ] || [ ! -w "$base" ]; then
        base=/tmp
    fi
    run_dir=$(mktemp -d "$base/mod_wheel.XXXXXXXX")
    chmod 711 "$run_dir"
    cp -R mod_wheel/www "$run_dir/www"
    chmod -R u=rwX,go=rX "$run_dir/www"
}

# The user of the children when root starts the server.
child_user() {
    if id www-data >/dev/null 2>&1; then
        echo www-data
    else
        echo nobody
    fi
}

start_httpd() {
    local user group more=()

    user=$(child_user)
    group=$(id -gn "$user")
    if [ -n "$redis" ]; then
        more+=(-C "Define WHEEL_REDIS $redis")
    fi
    if has_ipv6; then
        more+=(-C "Define WHEEL_IPV6")
    fi
    # The error log is a pipe to this terminal and not the terminal itself,
    # which httpd might not be allowed to open by name.  Its reader outlives
    # Ctrl-C, to show the last words.
    exec 3> >(trap '' INT TERM HUP && exec cat >&2)
    reader_pid=$!
    # A process group of its own keeps Ctrl-C from the children, which die of
    # it.  Not a session of its own: the kernel may share the processor out by
    # sessions, and then idle threads of one compete with all of another.
    # Should this script be killed, the kernel ends httpd in its place.
    perl -e 'setpgrp(0, 0) or die; exec @ARGV or die' \
        setpriv --pdeathsig TERM "$httpd" -d "$here" \
        -C "Define WHEEL_PORT $port" -C "Define WHEEL_MPM $mpm" \
        -C "Define WHEEL_RUN \"$run_dir\"" \
        -C "Define WHEEL_WWW \"$run_dir/www\"" \
        -C "Define WHEEL_ERROR_LOG /dev/stderr" \
        -C "Define WHEEL_USER $user" -C "Define WHEEL_GROUP $group" \
        -C "Define WHEEL_MODULES \"$(apxs -q LIBEXECDIR)\"" \
        "${more[@]}" -f conf/httpd.conf -DFOREGROUND \
        </dev/null >&3 2>&3 3>&- &
    httpd_pid=$!
    exec 3>&-
}

# Is our httpd, the only job of this shell, still there?
httpd_lives() {
    [ -n "$(jobs -pr)" ]
}

# Whatever way this script ends: httpd ends first, and nothing stays.
clean_up() {
    local status=$? i

    trap '' INT TERM HUP
    trap - EXIT
    if httpd_lives; then
        kill -TERM "$httpd_pid" 2>/dev/null || true
        # httpd itself kills what is left of its children after 10 s.
        for ((i = 0; i < 130; i++)); do
            httpd_lives || break
            sleep 0.1
        done
    fi
    if [ -n "$httpd_pid" ]; then
        kill -KILL -- "-$httpd_pid" 2>/dev/null || true
        wait "$httpd_pid" 2>/dev/null || true
        wait "$reader_pid" 2>/dev/null || true
    fi
    if [ -n "$run_dir" ]; then
        rm -rf "$run_dir"
    fi
    exit "$status"
}

show_what_to_try() {
    cat <<TRY

mod_wheel serves at http://127.0.0.1:$port/ with the $mpm MPM.  Ctrl-C ends it.

Start wheels, in terminals of their own; each holds its request and a core:

    curl http://127.0.0.1:$port/rotate
    curl http://127.0.0.1:$port/rotate/red

Stop all of them, those of one name, or one by its id:

    curl http://127.0.0.1:$port/stop
    curl http://127.0.0.1:$port/stop/red
    curl 'http://127.0.0.1:$port/stop?id=N'

A wheel that ends by itself after 5 seconds, and answers in JSON:

    curl 'http://127.0.0.1:$port/rotate/blue?wait=5&json'

List what rotates, with ids:

    curl 'http://127.0.0.1:$port/wheel-status?auto'

The same without HTTP, also when every worker is taken:

    mod_wheel/.libs/wheelctl --socket $run_dir/wheel.sock list

TRY
    if [ -n "$redis" ]; then
        cat <<TRY
This server shares stops with others through the Redis at $redis.
What a stop has stopped on each of them:

    curl 'http://127.0.0.1:$port/stop?json'

TRY
    fi
}

run() {
    local i status=0

    port=${WHEEL_PORT:-8000}
    mpm=${WHEEL_MPM:-event}
    redis=${WHEEL_REDIS:-}
    httpd_pid=
    reader_pid=
    run_dir=
    # A shell script's background job ignores INT from birth, and bash can't
    # trap what it was born to ignore.
    if [ "$(trap -p INT)" ]; then
        exec env --default-signal=INT "$here/build.sh" run
    fi
    check_settings
    build
    httpd=$(apxs -q SBINDIR)/$(apxs -q PROGNAME)

    trap clean_up EXIT
    # A terminal that closes takes this script's output along; what is still
    # said then must not end it early.
    trap 'exit 0' INT TERM HUP
    make_run_dir
    start_httpd

    for ((i = 0; i < 100; i++)); do
        if answers 127.0.0.1 || ! httpd_lives; then
            break
        fi
        sleep 0.1
    done
    if httpd_lives; then
        show_what_to_try
    fi
    wait "$httpd_pid" || status=$?
    # TERM to httpd itself is a proper end, too.
    say "httpd has ended"
    exit "$status"
}

command=${1:-}
[ $# -eq 0 ] || shift
if [ $# -gt 0 ] && [ "$command" != test ]; then
    wrong_usage "'$command' takes no arguments, but has '$*'"
fi
case $command in
run) run ;;
test) run_tests "$@" ;;
build) build ;;
deb) make_deb ;;
deb-check) check_deb ;;
bench) run_bench ;;
help | -h | --help) usage ;;
'') wrong_usage "which command?" ;;
*) wrong_usage "there is no command '$command'" ;;
esac
