# Completion of providerd(1) for bash.
# shellcheck shell=bash

_providerd_names() { # names of the provider scripts, without the shared library
    local folder
    for folder in providers /usr/share/providerd/providers /usr/local/share/providerd/providers; do
        [[ -d $folder ]] || continue
        find "$folder" -maxdepth 1 -name '*.lua' ! -name 'generic.lua' -printf '%f\n' 2>/dev/null | sed 's/\.lua$//'
        return
    done
}

_providerd_policies() { # names of the policies
    local folder
    for folder in plugins /usr/share/providerd/plugins /usr/local/share/providerd/plugins; do
        [[ -d $folder/policies ]] || continue
        find "$folder/policies" -maxdepth 1 -name '*.lua' -printf '%f\n' 2>/dev/null | sed 's/\.lua$//'
        return
    done
}

_providerd() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} i check='' new='' backup='' replay='' token='' asks=''
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == check ]] && check=yes
        [[ ${COMP_WORDS[i]} == new ]] && new=yes
        [[ ${COMP_WORDS[i]} == backup ]] && backup=yes
        [[ ${COMP_WORDS[i]} == replay ]] && replay=yes
        [[ ${COMP_WORDS[i]} == token ]] && token=yes
        [[ ${COMP_WORDS[i]} == status || ${COMP_WORDS[i]} == best || ${COMP_WORDS[i]} == history || ${COMP_WORDS[i]} == reload ]] && asks=${COMP_WORDS[i]}
    done
    case $previous in
    -c | --config | --with)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -X '!*.lua' -- "$word"; compgen -d -- "$word")
        return
        ;;
    --database)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --policy)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -W "$(_providerd_policies)" -- "$word"; compgen -f -X '!*.lua' -- "$word")
        return
        ;;
    --since | --every)
        mapfile -t COMPREPLY < <(compgen -W '1m 1h 1d 7d' -- "$word")
        return
        ;;
    --kind)
        mapfile -t COMPREPLY < <(compgen -W 'openai custom oauth' -- "$word")
        return
        ;;
    --scope)
        mapfile -t COMPREPLY < <(compgen -W 'read report admin' -- "$word")
        return
        ;;
    --listen)
        mapfile -t COMPREPLY < <(compgen -W '127.0.0.1 0.0.0.0' -S ':8000' -- "$word")
        return
        ;;
    esac
    if [[ $word == -* ]]; then
        if [[ -n $check ]]; then
            mapfile -t COMPREPLY < <(compgen -W '-c --config --json --trace --deep --help' -- "$word")
        elif [[ -n $new ]]; then
            mapfile -t COMPREPLY < <(compgen -W '-c --config --kind --help' -- "$word")
        elif [[ -n $backup ]]; then
            mapfile -t COMPREPLY < <(compgen -W '-c --config --database --help' -- "$word")
        elif [[ $asks == status ]]; then
            mapfile -t COMPREPLY < <(compgen -W '-c --config --json --watch --help' -- "$word")
        elif [[ -n $asks ]]; then
            mapfile -t COMPREPLY < <(compgen -W '-c --config --json --help' -- "$word")
        elif [[ -n $token ]]; then
            mapfile -t COMPREPLY < <(compgen -W '--scope --help' -- "$word")
        elif [[ -n $replay ]]; then
            mapfile -t COMPREPLY < <(compgen -W '-c --config --database --policy --since --every --with --json --trace --help' -- "$word")
        else
            mapfile -t COMPREPLY < <(compgen -W '-c --config --listen --database -t --version --help' -- "$word")
        fi
    elif [[ $asks == history ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_providerd_names)" -- "$word")
    elif [[ -n $check ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -W "$(_providerd_names)" -- "$word"; compgen -f -X '!*.lua' -- "$word")
    elif [[ -n $backup ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    elif [[ -z $new && -z $replay && -z $token && -z $asks ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'status best history reload check new backup replay token' -- "$word")
    fi
}

complete -F _providerd providerd
