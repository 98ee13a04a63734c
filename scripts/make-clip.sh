#!/bin/sh
# scripts/make-clip.sh FILE: makes the clip of the video scenario: 10 s of VP9, 1280 × 720, 30 frames a second, without
# sound. The picture is ffmpeg's moving test pattern, so nothing is downloaded and every frame differs from the last.
set -eu
mkdir -p "$(dirname "$1")"
draft="$1.draft.webm"
trap 'rm -f "$draft"' EXIT
ffmpeg -hide_banner -loglevel error -nostdin -y -f lavfi -i "testsrc2=size=1280x720:rate=30:duration=10" \
    -c:v libvpx-vp9 -pix_fmt yuv420p -b:v 700k -deadline realtime -cpu-used 6 -threads 1 -g 60 \
    -fflags +bitexact -flags:v +bitexact -map_metadata -1 -an "$draft"
mv "$draft" "$1"
