"""Edits a transform through `hilum lsp` with the client of pygls, which refuses what is not of the protocol.

usage: lsp_edit.py HILUM FOLDER

Prints a line for each thing that it was told.
"""
import asyncio
import pathlib
import sys

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

binary, folder = sys.argv[1:]
path = pathlib.Path(folder) / "Transforms" / "t.hilt"
address = path.as_uri()
document = lsp.TextDocumentIdentifier(address)


async def main():
    client = LanguageClient("lsp_edit", "1")
    published = asyncio.Queue()

    @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def receive(parameters: lsp.PublishDiagnosticsParams):
        published.put_nowait(parameters)

    @client.feature(lsp.WORKSPACE_INLAY_HINT_REFRESH)
    def refresh(_):
        print("refresh")

    async def problems(version):
        """Those of the newest text; of texts before it none need be told of."""
        while True:
            told = await asyncio.wait_for(published.get(), 20)
            if told.uri == address and told.version == version:
                return [f"{one.range.start.line + 1}:{one.range.start.character + 1} {one.code}" for one in told.diagnostics]

    await client.start_io(binary, "lsp")
    result = await client.initialize_async(
        lsp.InitializeParams(
            capabilities=lsp.ClientCapabilities(
                workspace=lsp.WorkspaceClientCapabilities(
                    inlay_hint=lsp.InlayHintWorkspaceClientCapabilities(refresh_support=True))),
            root_uri=pathlib.Path(folder).as_uri()))
    print("server", result.server_info.name, result.capabilities.position_encoding)
    client.initialized(lsp.InitializedParams())

    text = path.read_text()
    client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(address, "hilt", 1, text)))
    print("problems", await problems(1))

    def change(version, line, start, end, new):
        range_ = lsp.Range(lsp.Position(line, start), lsp.Position(line, end))
        client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(version, address),
                [lsp.TextDocumentContentChangePartial(range_, new)]))

    # Key by key, as a person types.
    version = 1
    for number, key in enumerate('note "ü𝄞{PID-3}"\n'):
        version += 1
        column = len('note "ü𝄞{PID-3}"\n'[:number].encode("utf-16-le")) // 2
        change(version, 5, column, column, key)
    print("problems", await problems(version))

    at = lsp.Position(5, 15)
    listed = await client.text_document_completion_async(lsp.CompletionParams(document, at))
    three = [one for one in listed.items if one.label == "3"][0]
    print("completion", len(listed.items), three.detail, three.text_edit.new_text)
    hover = await client.text_document_hover_async(lsp.HoverParams(document, lsp.Position(5, 14)))
    print("hover", hover.contents.value.split("\n")[0])
    actions = await client.text_document_code_action_async(
        lsp.CodeActionParams(document, lsp.Range(at, at), lsp.CodeActionContext([])))
    print("actions", [one.title for one in actions])

    change(version + 1, 5, 0, len('note "ü𝄞{PID-3}"'.encode("utf-16-le")) // 2, "let  born=PID-7")
    print("problems", await problems(version + 1))
    hints = await client.text_document_inlay_hint_async(
        lsp.InlayHintParams(document, lsp.Range(lsp.Position(0, 0), lsp.Position(99, 0))))
    print("hints", [f"{one.position.line + 1} {one.label}" for one in hints])
    edits = await client.text_document_formatting_async(
        lsp.DocumentFormattingParams(document, lsp.FormattingOptions(2, True)))
    print("formatting", [one.new_text for one in edits])
    edit = await client.text_document_rename_async(lsp.RenameParams(document, lsp.Position(5, 6), "day_of_birth"))
    print("rename", [(one.range.start.line + 1, one.new_text) for one in edit.changes[address]])
    places = await client.text_document_definition_async(lsp.DefinitionParams(document, lsp.Position(6, 1)))
    print("definition", places.range.start.line + 1)
    outline = await client.text_document_document_symbol_async(lsp.DocumentSymbolParams(document))
    print("outline", outline[0].name, [one.name for one in outline[0].children])
    help_ = await client.text_document_signature_help_async(lsp.SignatureHelpParams(document, lsp.Position(6, 20)))
    print("signature", help_.signatures[0].label, help_.active_parameter)
    await client.workspace_execute_command_async(
        lsp.ExecuteCommandParams("hilum.chooseSample", arguments=[address, "second"]))
    hints = await client.text_document_inlay_hint_async(
        lsp.InlayHintParams(document, lsp.Range(lsp.Position(5, 0), lsp.Position(5, 9))))
    print("hints", [f"{one.position.line + 1} {one.label}" for one in hints])

    await client.shutdown_async(None)
    client.exit(None)
    await asyncio.wait_for(client._server.wait(), 20)
    print("ended", client._server.returncode)
    await client.stop()


asyncio.run(main())
