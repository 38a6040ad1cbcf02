case $- in *i*) ;; *) return ;; esac

HISTCONTROL=ignoreboth
HISTSIZE=5000
HISTFILESIZE=20000
shopt -s histappend checkwinsize

PS1='\[\e[1;32m\]\h\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]\$ '
case $TERM in xterm* | tmux* | screen*) PS1="\[\e]0;\h: \w\a\]$PS1" ;; esac

# What `dircolors` prints for the common kinds, without running it.
export LS_COLORS='di=01;34:ln=01;36:so=01;35:pi=33:ex=01;32:bd=01;33:cd=01;33:su=37;41:sg=30;43:tw=30;42:ow=34;42:or=31;01:*.tar=01;31:*.gz=01;31:*.xz=01;31:*.zst=01;31:*.zip=01;31:*.png=01;35:*.jpg=01;35:*.svg=01;35'
alias ls='ls --color=auto' ll='ls -lh' la='ls -lhA' grep='grep --color=auto'
