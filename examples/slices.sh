#!/bin/sh
# What the network says of slices: sh slices.sh http://localhost:8000 slice.png ...
address=$1
shift
for file; do
  curl --silent --show-error --form "file=@$file" "$address/predict"
done
