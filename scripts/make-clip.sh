#!/bin/sh
# scripts/make-clip.sh FILE.webm|FILE.mjpeg: makes the clip of the video scenario (8 s of VP9, 1280 × 720), or the
# picture of the call scenario's camera (1 s of Motion JPEG, 640 × 480); both with 30 frames a second and without sound.
# They show ffmpeg's moving test pattern, so nothing is downloaded and every frame differs from the last.
set -eu
mkdir -p "$(dirname "$1")"
draft="$1.draft.${1##*.}"
trap 'rm -f "$draft"' EXIT
case "$1" in
*.mjpeg)
    picture=size=640x480:rate=30:duration=1
    codec="-c:v mjpeg -pix_fmt yuvj420p -q:v 8 -threads 1"
    ;;
*)
    picture=size=1280x720:rate=30:duration=8
    codec="-c:v libvpx-vp9 -pix_fmt yuv420p -b:v 550k -deadline realtime -cpu-used 6 -threads 1 -g 60"
    ;;
esac
# shellcheck disable=SC2086 # options, which are several words
ffmpeg -hide_banner -loglevel error -nostdin -y -f lavfi -i "testsrc2=$picture" $codec \
    -fflags +bitexact -flags:v +bitexact -map_metadata -1 -an "$draft"
mv "$draft" "$1"
