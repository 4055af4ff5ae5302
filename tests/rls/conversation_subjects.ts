type Values = Record<string, unknown>;
type Insert = (table: string, values: Values) => Promise<string>;
type Plain<S> = (table: string, values: () => Values | Promise<Values>, change: Values) => S;

const unique = () => crypto.randomUUID();

/** Conversations of the tenant's owner. */
export function conversationSubjects<S>(
  { organization_id, user_id }: { organization_id: string; user_id: string },
  insert: Insert,
  plain: Plain<S>,
): Record<string, S> {
  const values = () => ({ organization_id, title: unique() });
  const conversation = () => insert("conversations", { ...values(), user_id });
  const said = async () => ({
    conversation_id: await conversation(),
    role: "assistant",
    content: unique(),
  });
  const turn = async () => {
    const message = await said();
    const leaf_id = await insert("messages", message);
    const { conversation_id } = message;
    return { organization_id, user_id, conversation_id, leaf_id, shown_id: leaf_id };
  };
  return {
    conversations: {
      ...plain("conversations", values, { subject: "changed" }),
      // Whoever adds one adds one of their own; the row to be met is the owner's.
      row: conversation,
    },
    messages: plain("messages", said, { feedback: 1 }),
    conversation_turns: plain("conversation_turns", turn, {
      locked_until: "2026-01-01T00:00:00+00:00",
    }),
  };
}
