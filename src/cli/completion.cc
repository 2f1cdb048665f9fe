#include "cli/completion.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace flexai::cli {
namespace {

struct CommandDescription {
  std::string name, help;
  std::vector<std::pair<std::string, std::string>> options;  // long name with dashes, help
};

std::vector<CommandDescription> Describe(const CLI::App& app) {
  std::vector<CommandDescription> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    CommandDescription& described = commands.emplace_back();
    described.name = command->get_name();
    described.help = command->get_description();
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        described.options.emplace_back("--" + name, option->get_description());
      }
    }
    described.options.emplace_back("--output", "table or json");
  }
  return commands;
}

std::string Names(const std::vector<CommandDescription>& commands) {
  std::vector<std::string> names;
  for (const CommandDescription& command : commands) {
    names.push_back(command.name);
  }
  return fmt::format("{}", fmt::join(names, " "));
}

std::string OptionNames(const CommandDescription& command) {
  std::vector<std::string> names;
  for (const auto& [name, help] : command.options) {
    names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, " "));
}

// A help text inside single quotes of a shell.
std::string Quoted(std::string text) {
  std::replace(text.begin(), text.end(), '\'', '"');
  return text;
}

// After "--" the words are the command's own: the shell's completion for that command takes over.
std::string Bash(const std::vector<CommandDescription>& commands) {
  std::string script = R"(# bash completion of flexai; use: source <(flexai completion bash)
_flexai() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} i
  COMPREPLY=()
  if [[ $command == run ]]; then
    for ((i = 2; i < COMP_CWORD; i++)); do
      if [[ ${COMP_WORDS[i]} == -- ]]; then
        if ((i + 1 == COMP_CWORD)); then
          COMPREPLY=($(compgen -c -- "$word"))
        else
          COMPREPLY=($(compgen -f -- "$word"))
        fi
        return
      fi
    done
  fi
  case $previous in
    --priority) COMPREPLY=($(compgen -W "low normal high" -- "$word")); return ;;
    -o|--output) COMPREPLY=($(compgen -W "table json" -- "$word")); return ;;
    completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$word")); return ;;
  esac
  if ((COMP_CWORD == 1)); then
)";
  script +=
      fmt::format("    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$word\"))\n    return\n  fi\n",
                  Names(commands));
  script +=
      "  if [[ $word != -* && $command =~ ^(resize|stop|logs)$ ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$(flexai ps --quiet 2>/dev/null)\" -- \"$word\"))\n    return\n  fi\n"
      "  case $command in\n";
  for (const CommandDescription& command : commands) {
    script += fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")) ;;\n", command.name,
                          OptionNames(command));
  }
  return script + "  esac\n}\ncomplete -F _flexai flexai\n";
}

std::string Zsh(const std::vector<CommandDescription>& commands) {
  std::string script =
      "#compdef flexai\n# zsh completion of flexai; use: flexai completion zsh > "
      "~/.zfunc/_flexai (a folder in $fpath)\n_flexai() {\n  local -a commands options\n  commands=(\n";
  for (const CommandDescription& command : commands) {
    script += fmt::format("    '{}:{}'\n", command.name, Quoted(command.help));
  }
  script +=
      "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
      "  case ${words[2]} in\n";
  for (const CommandDescription& command : commands) {
    script += fmt::format("    {})\n      options=(\n", command.name);
    for (const auto& [name, help] : command.options) {
      script += fmt::format("        '{}:{}'\n", name, Quoted(help));
    }
    script += "      )\n";
    if (command.name == "run") {
      script +=
          "      if (( ${words[(I)--]} )); then\n        shift $(( ${words[(i)--]} )) words\n"
          "        (( CURRENT -= ${words[(i)--]} )); _normal\n        return\n      fi\n";
    } else if (command.name == "resize" || command.name == "stop" || command.name == "logs") {
      script += "      compadd -- ${(f)\"$(flexai ps --quiet 2>/dev/null)\"}\n";
    } else if (command.name == "completion") {
      script += "      compadd bash zsh fish\n";
    }
    script += "      _describe option options\n      ;;\n";
  }
  return script + "  esac\n}\ncompdef _flexai flexai\n";
}

std::string Fish(const std::vector<CommandDescription>& commands) {
  std::string script =
      "# fish completion of flexai; use: flexai completion fish > "
      "~/.config/fish/completions/flexai.fish\ncomplete -c flexai -f\n";
  for (const CommandDescription& command : commands) {
    script += fmt::format("complete -c flexai -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                          Quoted(command.help));
    for (const auto& [name, help] : command.options) {
      const bool priority = name == "--priority";
      const bool output = name == "--output";
      script += fmt::format("complete -c flexai -n '__fish_seen_subcommand_from {}' -l {} -d '{}'{}\n",
                            command.name, name.substr(2), Quoted(help),
                            priority ? " -x -a 'low normal high'"
                            : output ? " -x -a 'table json'"
                                     : "");
    }
  }
  return script +
         "complete -c flexai -n '__fish_seen_subcommand_from resize stop logs' -a '(flexai ps --quiet "
         "2>/dev/null)'\n"
         "complete -c flexai -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n"
         "complete -c flexai -n '__fish_seen_subcommand_from run; and contains -- -- (commandline -opc)' "
         "-a '(__fish_complete_subcommand)'\n";
}

}  // namespace

int PrintCompletion(const Context& context, const CLI::App& app, const std::string& shell) {
  const std::vector<CommandDescription> commands = Describe(app);
  if (shell == "bash") {
    context.out << Bash(commands);
  } else if (shell == "zsh") {
    context.out << Zsh(commands);
  } else if (shell == "fish") {
    context.out << Fish(commands);
  } else {
    return Report(
        context, InvalidArgument(fmt::format("'{}' is not a shell known here: use bash, zsh or fish", shell)),
        kExitUsage);
  }
  return 0;
}

}  // namespace flexai::cli
