# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for modprobe-ipsec. Made by scripts/generate.py from the table of options.

_modprobe_ipsec() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    # bash takes an equals sign for a word of its own
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    case $previous in
        --prove)
            mapfile -t COMPREPLY < <(compgen -W 'packets sas' -- "$current") ;;
        --seal)
            mapfile -t COMPREPLY < <(compgen -W 'modules autoload' -- "$current") ;;
        --lab)
            ;;
        --for)
            ;;
        --witness)
            mapfile -t COMPREPLY < <(compgen -W 'audit packets raw counter' -- "$current") ;;
        --manifest)
            mapfile -t COMPREPLY < <(compgen -W 'ansible bottlerocket cdi cloud-init compose containerfile docker ignition incus json kubernetes lxc machineconfig nfd nixos proxmox quadlet systemd talos yaml' -- "$current") ;;
        --output)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        --against)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        --record)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        --explain)
            ;;
        --headers)
            mapfile -t COMPREPLY < <(compgen -W 'all xfrm' -- "$current") ;;
        --cc)
            ;;
        --sysroot)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        --esp)
            ;;
        --ah)
            ;;
        --config)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        --apply)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        --daemon)
            mapfile -t COMPREPLY < <(compgen -W 'iked libreswan strongswan' -- "$current") ;;
        --root)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        --kernel)
            ;;
        --format)
            mapfile -t COMPREPLY < <(compgen -W 'html journal json nagios node-feature-discovery node-problem-detector prometheus text' -- "$current") ;;
        --profile)
            mapfile -t COMPREPLY < <(compgen -W 'rfc8221 cnsa2 fips bsi' -- "$current") ;;
        *)
            mapfile -t COMPREPLY < <(compgen -W '-c --check --prove -n --dry-run --seal --lab --measure --watch --for --once --witness --manifest --output --preload --against --record --explain --headers --cc --sysroot --esp --ah --ipcomp --all --config --apply --daemon -4 -6 --root --kernel --private-network --format -q --quiet -v --verbose --profile --strict --no-color --debug --version -h --help' -- "$current") ;;
    esac
}
complete -F _modprobe_ipsec modprobe-ipsec
