#!/bin/sh
# What it says of a study, line by line while it is read: sh study.sh http://localhost:8000 study.zip
curl --silent --show-error --no-buffer --header "Accept: application/x-ndjson" --form "file=@$2" "$1/studies"
