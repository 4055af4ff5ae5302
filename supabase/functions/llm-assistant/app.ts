import type { Api } from "@shared/app.ts";
import { openAiErrors } from "@shared/llm/wire_errors.ts";
import { ask } from "./routes/ask.ts";
import { assistantRatings } from "./routes/assistant_ratings.ts";
import { assistantReviews, assistants } from "./routes/assistants.ts";
import { budgets } from "./routes/budgets.ts";
import { createChatCompletion } from "./routes/chat_completions.ts";
import { conversations } from "./routes/conversations.ts";
import { createEmbeddings } from "./routes/embeddings.ts";
import { exportConversation } from "./routes/export_conversation.ts";
import { getAssistant } from "./routes/get_assistant.ts";
import { getAssistantStats } from "./routes/get_assistant_stats.ts";
import { getUsage } from "./routes/get_usage.ts";
import { listAssistants, listPublicAssistants } from "./routes/list_assistants.ts";
import { models } from "./routes/models.ts";
import { prices } from "./routes/prices.ts";
import { rateLimits } from "./routes/rate_limits.ts";
import { rateMessage } from "./routes/rate_message.ts";
import { reviewAssistant } from "./routes/review_assistant.ts";
import { searchMessages } from "./routes/search_messages.ts";
import { testTool } from "./routes/test_tool.ts";
import { tools } from "./routes/tools.ts";

/** What the llm-assistant function answers. A fixed path comes before one with a parameter in its place. */
export const api: Api = {
  description: "Conversations with language models: assistants, tools, usage and budgets.",
  errorFormats: { "/v1": openAiErrors },
  routes: [
    ask,
    createChatCompletion,
    createEmbeddings,
    ...models,
    listAssistants,
    listPublicAssistants,
    getAssistant,
    ...assistants,
    ...reviewAssistant,
    ...assistantReviews,
    ...assistantRatings,
    getAssistantStats,
    ...tools,
    testTool,
    searchMessages,
    ...conversations,
    exportConversation,
    rateMessage,
    ...budgets,
    ...rateLimits,
    ...prices,
    getUsage,
  ],
};
