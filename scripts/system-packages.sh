#!/bin/sh
# Installs the system packages that are missing, where it may: as root, or by sudo without a password.
# Otherwise it prints the exact command and stops. Arguments: the programs that are needed. `clang-runtime` stands for
# the libraries of sanitizers and fuzzers that belong to the installed clang, `framework-res` for Android's own resources.
set -eu

package_of() {
    case $1 in
        aapt) echo aapt ;;
        adb) echo adb ;;
        apksigner) echo apksigner ;;
        bwrap) echo bubblewrap ;;
        chromium) if grep -qs '^ID=ubuntu' /etc/os-release; then echo chromium-browser; else echo chromium; fi ;;
        clang) echo clang ;;
        clang-runtime) echo "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" ;;
        cppcheck) echo cppcheck ;;
        ffmpeg) echo ffmpeg ;;
        firefox) if grep -qs '^ID=ubuntu' /etc/os-release; then echo firefox; else echo firefox-esr; fi ;;
        framework-res) echo android-framework-res ;;
        javac) echo default-jdk-headless ;;
        ld.lld) echo lld ;;
        mvn) echo maven ;;
        nginx) echo nginx-light ;;
        postgresql) echo postgresql ;;
        venv) echo python3-venv ;;
        zipalign) echo zipalign ;;
        *) echo "system-packages: no package is known for '$1'" >&2; exit 2 ;;
    esac
}

is_there() {
    case $1 in
        chromium)
            [ -n "${MOBILEBENCH_CHROME:-}" ] && return 0
            for name in google-chrome google-chrome-stable chromium chromium-browser; do
                command -v "$name" >/dev/null 2>&1 && return 0
            done
            return 1 ;;
        clang-runtime) [ -e "$(clang -print-runtime-dir)/libclang_rt.fuzzer-$(uname -m).a" ] ;;
        firefox)
            [ -n "${MOBILEBENCH_FIREFOX:-}" ] && return 0
            command -v firefox >/dev/null 2>&1 || command -v firefox-esr >/dev/null 2>&1 ;;
        framework-res) [ -e /usr/share/android-framework-res/framework-res.apk ] ;;
        nginx) command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] ;;
        postgresql) command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ;;
        venv) "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=
for program in "$@"; do
    is_there "$program" || missing="$missing $(package_of "$program")"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing on this computer:$missing. Install them with your system's package manager, then run make again." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "Missing system packages, and no right to install them here. Run this, then make again:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
echo "Installing system packages:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install:$missing (its last lines are above)." >&2
    exit 1
fi
