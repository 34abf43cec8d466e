# shellcheck shell=bash
# Software TPMs of one maker, each with a folder, a process and a pair of ports of its own. Sourced by demo.

tpm_processes=()

# make_tpms FOLDER COUNT: makes them, with endorsement keys and a maker's certificates for these. FOLDER/roots gets the
# maker's own certificates.
make_tpms() {
    local folder tpm
    folder=$(realpath "$1")
    mkdir "$folder/ca" "$folder/roots"
    printf '%s\n' "statedir = $folder/ca" "signingkey = $folder/ca/signkey.pem" \
        "issuercert = $folder/ca/issuercert.pem" "certserial = $folder/ca/certserial" >"$folder/localca.conf"
    printf '%s\n' '--platform-manufacturer Demo' '--platform-version 1' '--platform-model Gateway' \
        >"$folder/localca.options"
    printf '%s\n' 'create_certs_tool = /usr/bin/swtpm_localca' "create_certs_tool_config = $folder/localca.conf" \
        "create_certs_tool_options = $folder/localca.options" >"$folder/setup.conf"
    for ((tpm = 1; tpm <= $2; tpm++)); do
        mkdir "$folder/$tpm"
        swtpm_setup --tpm2 --create-ek-cert --vmid "tpm-$tpm" --tpmstate "$folder/$tpm" --config "$folder/setup.conf" \
            >"$folder/$tpm/setup.log" 2>&1 || die "swtpm_setup failed: see $folder/$tpm/setup.log"
    done
    cp "$folder/ca/issuercert.pem" "$folder/ca/swtpm-localca-rootca-cert.pem" "$folder/roots"
}

# Whether this process, and no other, listens at the port.
listens() {
    local inode
    inode=$(awk -v port="$(printf ':%04X' "$2")" '$4 == "0A" && substr($2, 9) == port { print $10 }' /proc/net/tcp)
    [[ -n $inode && -n $(find "/proc/$1/fd" -lname "socket:\[$inode\]" 2>/dev/null) ]]
}

# start_tpm FOLDER: starts the TPM at a pair of free ports. Sets tpm_port.
start_tpm() {
    local try wait
    for ((try = 0; try < 50; try++)); do
        tpm_port=$((20000 + 2 * (RANDOM % 10000)))
        swtpm socket --tpm2 --tpmstate "dir=$1" --flags not-need-init,startup-clear \
            --server "type=tcp,port=$tpm_port,bindaddr=127.0.0.1" \
            --ctrl "type=tcp,port=$((tpm_port + 1)),bindaddr=127.0.0.1" >"$1/swtpm.log" 2>&1 &
        for ((wait = 0; wait < 200; wait++)); do
            kill -0 $! 2>/dev/null || break
            if listens $! "$tpm_port" && listens $! $((tpm_port + 1)); then
                tpm_processes+=($!)
                return
            fi
            sleep 0.05
        done
        kill $! 2>/dev/null || true
    done
    die "no software TPM could be started: see $1/swtpm.log"
}

stop_tpms() {
    local process
    for process in "${tpm_processes[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    tpm_processes=()
}
