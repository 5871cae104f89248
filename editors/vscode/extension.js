// Starts `hilum lsp` and speaks its commands. What is shown comes from the server.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function settings() {
  return vscode.workspace.getConfiguration("hilt");
}

async function start() {
  const server = { command: settings().get("command"), args: ["lsp"] };
  const options = {
    documentSelector: [
      { scheme: "file", language: "hilt" },
      { scheme: "untitled", language: "hilt" },
      { scheme: "file", language: "yaml", pattern: "**/Channels/**/*.{yaml,yml}" },
    ],
    initializationOptions: { sample: settings().get("sample") },
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.{hilt,csv,yaml,yml,hl7}") },
    // The client would register the server's commands: ours have pickers before them.
    middleware: {
      executeCommand: (command, values, next) => (command === "hilum.explain" ? explain(values[0]) : next(command, values)),
    },
  };
  client = new LanguageClient("hilt", "Hilt", server, options);
  try {
    await client.start();
  } catch (error) {
    vscode.window.showErrorMessage(
      `'${server.command} lsp' can't be started: ${error.message}. The setting hilt.command names the program.`);
  }
}

function ask(command, values) {
  return client.sendRequest("workspace/executeCommand", { command, arguments: values });
}

// The file at hand, where it is a transform.
function transform() {
  const document = vscode.window.activeTextEditor?.document;
  return document?.languageId === "hilt" ? document.uri.toString() : undefined;
}

async function explain(given) {
  const code = given ?? (await vscode.window.showInputBox({ prompt: "The code of a problem", placeHolder: "E120" }));
  if (code) await ask("hilum.explain", [code]);
}

async function chooseSample() {
  const address = transform();
  if (!address) return;
  const names = await ask("hilum.samples", [address]);
  if (names.length === 0) {
    vscode.window.showInformationMessage("There is no case with an input in NAME.tests/ beside this transform.");
    return;
  }
  const name = await vscode.window.showQuickPick(names, { placeHolder: "The case whose values stand beside the lines" });
  if (name) await ask("hilum.chooseSample", [address, name]);
}

async function chooseTurn() {
  const address = transform();
  if (!address) return;
  const turn = await vscode.window.showInputBox({ prompt: "3, or 2.1 for a loop in a loop; nothing for the last turn" });
  if (turn !== undefined) await ask("hilum.chooseTurn", [address, turn]);
}

exports.activate = async (context) => {
  const commands = { explain, chooseSample, chooseTurn, restart: () => client.restart() };
  for (const [name, run] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(`hilt.${name}`, run));
  }
  context.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (!change.affectsConfiguration("hilt.sample")) return;
      client.sendNotification("workspace/didChangeConfiguration", {
        settings: { hilum: { sample: settings().get("sample") } },
      });
    }));
  await start();
};

exports.deactivate = () => client?.stop();
