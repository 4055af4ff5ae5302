
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "api_key_usage": {
                  Row: {
                    "created_at": string,"current_count": number,"id": string,"organization_id": string,"previous_count": number,"updated_at": string,"window_started_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"current_count": number,"id": string,"organization_id": string,"previous_count": number,"updated_at"?: string,"window_started_at": string
                  }
                  Update: {
                    "created_at"?: string,"current_count"?: number,"id"?: string,"organization_id"?: string,"previous_count"?: number,"updated_at"?: string,"window_started_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "api_key_usage_id_fkey"
      columns: ["id"]
isOneToOne: true
      referencedRelation: "api_keys"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "api_key_usage_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"api_keys": {
                  Row: {
                    "created_at": string,"expires_at": string | null,"id": string,"is_active": boolean,"key_hash": string,"last_four": string,"last_used_at": string | null,"last_used_ip": unknown,"name": string,"organization_id": string,"prefix": string,"rate_limit": number | null,"rate_window_seconds": number,"replaced_by": string | null,"revoked_at": string | null,"scopes": (string)[],"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"expires_at"?: string | null,"id"?: string,"is_active"?: boolean,"key_hash": string,"last_four": string,"last_used_at"?: string | null,"last_used_ip"?: unknown,"name": string,"organization_id": string,"prefix": string,"rate_limit"?: number | null,"rate_window_seconds"?: number,"replaced_by"?: string | null,"revoked_at"?: string | null,"scopes": (string)[],"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "created_at"?: string,"expires_at"?: string | null,"id"?: string,"is_active"?: boolean,"key_hash"?: string,"last_four"?: string,"last_used_at"?: string | null,"last_used_ip"?: unknown,"name"?: string,"organization_id"?: string,"prefix"?: string,"rate_limit"?: number | null,"rate_window_seconds"?: number,"replaced_by"?: string | null,"revoked_at"?: string | null,"scopes"?: (string)[],"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "api_keys_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "api_keys_replaced_by_organization_id_fkey"
      columns: ["replaced_by","organization_id"]
isOneToOne: false
      referencedRelation: "api_keys"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"assistant_ratings": {
                  Row: {
                    "assistant_id": string,"comment": string | null,"created_at": string,"id": string,"organization_id": string,"rating": number,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "assistant_id": string,"comment"?: string | null,"created_at"?: string,"id"?: string,"organization_id"?: string,"rating": number,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "assistant_id"?: string,"comment"?: string | null,"created_at"?: string,"id"?: string,"organization_id"?: string,"rating"?: number,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "assistant_ratings_assistant_id_organization_id_fkey"
      columns: ["assistant_id","organization_id"]
isOneToOne: false
      referencedRelation: "assistants"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "assistant_ratings_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"assistant_reviews": {
                  Row: {
                    "action": Database["public"]['Enums']["review_action"],"assistant_id": string,"assistant_revision": number,"created_at": string,"created_by": string | null,"id": string,"note": string | null,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "action": Database["public"]['Enums']["review_action"],"assistant_id": string,"assistant_revision": number,"created_at"?: string,"created_by"?: string | null,"id"?: string,"note"?: string | null,"organization_id"?: string,"updated_at"?: string
                  }
                  Update: {
                    "action"?: Database["public"]['Enums']["review_action"],"assistant_id"?: string,"assistant_revision"?: number,"created_at"?: string,"created_by"?: string | null,"id"?: string,"note"?: string | null,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "assistant_reviews_assistant_id_organization_id_fkey"
      columns: ["assistant_id","organization_id"]
isOneToOne: false
      referencedRelation: "assistants"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "assistant_reviews_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"assistants": {
                  Row: {
                    "access_level": Database["public"]['Enums']["assistant_access"],"approval_status": Database["public"]['Enums']["assistant_approval"],"approved_at": string | null,"approved_by": string | null,"category": string | null,"compliance_score": number,"cost_month": string,"created_at": string,"creator_id": string | null,"description": string | null,"id": string,"is_public": boolean,"max_tokens": number,"model": string,"monthly_cost": number,"name": string,"organization_id": string,"prompt": string,"rating": number,"rating_count": number,"rating_sum": number,"revision": number,"risk_floor": Database["public"]['Enums']["risk_level"],"risk_level": Database["public"]['Enums']["risk_level"],"settings": NonNullable<Json>,"status": Database["public"]['Enums']["assistant_status"],"tags": (string)[],"team_id": string | null,"temperature": number,"tools": (string)[],"updated_at": string,"usage_count": number,"web_access": boolean
                  }
                  ComputedFields: never
                  Insert: {
                    "access_level"?: Database["public"]['Enums']["assistant_access"],"approval_status"?: Database["public"]['Enums']["assistant_approval"],"approved_at"?: string | null,"approved_by"?: string | null,"category"?: string | null,"compliance_score"?: never,"cost_month"?: string,"created_at"?: string,"creator_id"?: string | null,"description"?: string | null,"id"?: string,"is_public": boolean,"max_tokens"?: number,"model"?: string,"monthly_cost"?: number,"name": string,"organization_id": string,"prompt"?: string,"rating"?: never,"rating_count"?: number,"rating_sum"?: number,"revision"?: number,"risk_floor"?: Database["public"]['Enums']["risk_level"],"risk_level"?: Database["public"]['Enums']["risk_level"],"settings"?: NonNullable<Json>,"status"?: Database["public"]['Enums']["assistant_status"],"tags"?: (string)[],"team_id"?: string | null,"temperature"?: number,"tools"?: (string)[],"updated_at"?: string,"usage_count"?: number,"web_access"?: boolean
                  }
                  Update: {
                    "access_level"?: Database["public"]['Enums']["assistant_access"],"approval_status"?: Database["public"]['Enums']["assistant_approval"],"approved_at"?: string | null,"approved_by"?: string | null,"category"?: string | null,"compliance_score"?: never,"cost_month"?: string,"created_at"?: string,"creator_id"?: string | null,"description"?: string | null,"id"?: string,"is_public"?: boolean,"max_tokens"?: number,"model"?: string,"monthly_cost"?: number,"name"?: string,"organization_id"?: string,"prompt"?: string,"rating"?: never,"rating_count"?: number,"rating_sum"?: number,"revision"?: number,"risk_floor"?: Database["public"]['Enums']["risk_level"],"risk_level"?: Database["public"]['Enums']["risk_level"],"settings"?: NonNullable<Json>,"status"?: Database["public"]['Enums']["assistant_status"],"tags"?: (string)[],"team_id"?: string | null,"temperature"?: number,"tools"?: (string)[],"updated_at"?: string,"usage_count"?: number,"web_access"?: boolean
                  }
                  Relationships: [
                    {
      foreignKeyName: "assistants_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "assistants_team_id_organization_id_fkey"
      columns: ["team_id","organization_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"audit_logs": {
                  Row: {
                    "action_type": Database["public"]['Enums']["audit_action"],"actor_id": string | null,"actor_type": Database["public"]['Enums']["audit_actor"],"api_key_id": string | null,"details": NonNullable<Json>,"entity_id": string | null,"entity_name": string | null,"entity_type": string,"id": string,"ip_address": unknown,"occurred_at": string,"organization_id": string | null,"request_id": string | null,"user_agent": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "action_type": Database["public"]['Enums']["audit_action"],"actor_id"?: string | null,"actor_type": Database["public"]['Enums']["audit_actor"],"api_key_id"?: string | null,"details"?: NonNullable<Json>,"entity_id"?: string | null,"entity_name"?: string | null,"entity_type": string,"id"?: string,"ip_address"?: unknown,"occurred_at"?: string,"organization_id"?: string | null,"request_id"?: string | null,"user_agent"?: string | null
                  }
                  Update: {
                    "action_type"?: Database["public"]['Enums']["audit_action"],"actor_id"?: string | null,"actor_type"?: Database["public"]['Enums']["audit_actor"],"api_key_id"?: string | null,"details"?: NonNullable<Json>,"entity_id"?: string | null,"entity_name"?: string | null,"entity_type"?: string,"id"?: string,"ip_address"?: unknown,"occurred_at"?: string,"organization_id"?: string | null,"request_id"?: string | null,"user_agent"?: string | null
                  }
                  Relationships: [
                    
                  ]
                },"audit_seals": {
                  Row: {
                    "digest": string,"expired_at": string | null,"first_at": string,"first_id": string,"id": string,"last_at": string,"last_id": string,"organization_id": string,"previous_digest": string | null,"row_count": number,"rows_digest": string,"sealed_at": string,"sequence": number
                  }
                  ComputedFields: never
                  Insert: {
                    "digest": string,"expired_at"?: string | null,"first_at": string,"first_id": string,"id"?: string,"last_at": string,"last_id": string,"organization_id": string,"previous_digest"?: string | null,"row_count": number,"rows_digest": string,"sealed_at"?: string,"sequence": number
                  }
                  Update: {
                    "digest"?: string,"expired_at"?: string | null,"first_at"?: string,"first_id"?: string,"id"?: string,"last_at"?: string,"last_id"?: string,"organization_id"?: string,"previous_digest"?: string | null,"row_count"?: number,"rows_digest"?: string,"sealed_at"?: string,"sequence"?: number
                  }
                  Relationships: [
                    
                  ]
                },"block_taxonomies": {
                  Row: {
                    "block_id": string,"category_id": string,"created_at": string,"id": string,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "block_id": string,"category_id": string,"created_at"?: string,"id"?: string,"organization_id"?: string,"updated_at"?: string
                  }
                  Update: {
                    "block_id"?: string,"category_id"?: string,"created_at"?: string,"id"?: string,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "block_taxonomies_block_id_organization_id_fkey"
      columns: ["block_id","organization_id"]
isOneToOne: false
      referencedRelation: "blocks"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "block_taxonomies_category_id_organization_id_fkey"
      columns: ["category_id","organization_id"]
isOneToOne: false
      referencedRelation: "taxonomy_categories"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "block_taxonomies_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"block_versions": {
                  Row: {
                    "block_id": string,"created_at": string,"created_by": string | null,"id": string,"is_active": boolean,"metadata": NonNullable<Json>,"organization_id": string,"spec": NonNullable<Json>,"updated_at": string,"version_number": number
                  }
                  ComputedFields: never
                  Insert: {
                    "block_id": string,"created_at"?: string,"created_by"?: string | null,"id"?: string,"is_active"?: boolean,"metadata"?: NonNullable<Json>,"organization_id"?: string,"spec": NonNullable<Json>,"updated_at"?: string,"version_number"?: number
                  }
                  Update: {
                    "block_id"?: string,"created_at"?: string,"created_by"?: string | null,"id"?: string,"is_active"?: boolean,"metadata"?: NonNullable<Json>,"organization_id"?: string,"spec"?: NonNullable<Json>,"updated_at"?: string,"version_number"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "block_versions_block_id_organization_id_fkey"
      columns: ["block_id","organization_id"]
isOneToOne: false
      referencedRelation: "blocks"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"blocks": {
                  Row: {
                    "block_type": Database["public"]['Enums']["block_type"],"created_at": string,"created_by": string | null,"current_version_id": string | null,"description": string | null,"id": string,"is_archived": boolean,"name": string,"organization_id": string,"revision": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "block_type": Database["public"]['Enums']["block_type"],"created_at"?: string,"created_by"?: string | null,"current_version_id"?: string | null,"description"?: string | null,"id"?: string,"is_archived"?: boolean,"name": string,"organization_id": string,"revision"?: number,"updated_at"?: string
                  }
                  Update: {
                    "block_type"?: Database["public"]['Enums']["block_type"],"created_at"?: string,"created_by"?: string | null,"current_version_id"?: string | null,"description"?: string | null,"id"?: string,"is_archived"?: boolean,"name"?: string,"organization_id"?: string,"revision"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "blocks_current_version_fkey"
      columns: ["current_version_id","id"]
isOneToOne: false
      referencedRelation: "block_versions"
      referencedColumns: ["id","block_id"]
    },{
      foreignKeyName: "blocks_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"budgets": {
                  Row: {
                    "by_operator": boolean,"created_at": string,"created_by": string | null,"hard": boolean,"id": string,"limit_usd": number,"organization_id": string | null,"period": Database["public"]['Enums']["budget_period"],"scope": Database["public"]['Enums']["usage_scope"],"subject_id": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "by_operator"?: boolean,"created_at"?: string,"created_by"?: string | null,"hard"?: boolean,"id"?: string,"limit_usd": number,"organization_id"?: string | null,"period": Database["public"]['Enums']["budget_period"],"scope": Database["public"]['Enums']["usage_scope"],"subject_id"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "by_operator"?: boolean,"created_at"?: string,"created_by"?: string | null,"hard"?: boolean,"id"?: string,"limit_usd"?: number,"organization_id"?: string | null,"period"?: Database["public"]['Enums']["budget_period"],"scope"?: Database["public"]['Enums']["usage_scope"],"subject_id"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "budgets_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"code_repos": {
                  Row: {
                    "block_id": string | null,"branch": string,"created_at": string,"edge_id": string | null,"entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"id": string,"last_commit": string | null,"last_updated": string | null,"organization_id": string,"repo_url": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "block_id"?: never,"branch"?: string,"created_at"?: string,"edge_id"?: never,"entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"id"?: string,"last_commit"?: string | null,"last_updated"?: string | null,"organization_id"?: string,"repo_url": string,"updated_at"?: string
                  }
                  Update: {
                    "block_id"?: never,"branch"?: string,"created_at"?: string,"edge_id"?: never,"entity_id"?: string,"entity_type"?: Database["public"]['Enums']["registry_entity"],"id"?: string,"last_commit"?: string | null,"last_updated"?: string | null,"organization_id"?: string,"repo_url"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "code_repos_block_id_organization_id_fkey"
      columns: ["block_id","organization_id"]
isOneToOne: false
      referencedRelation: "blocks"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "code_repos_edge_id_organization_id_fkey"
      columns: ["edge_id","organization_id"]
isOneToOne: false
      referencedRelation: "edges"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "code_repos_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"column_metadata": {
                  Row: {
                    "business_rules": string | null,"created_at": string,"data_generation_rules": string | null,"data_type": string,"default_value": string | null,"description": string | null,"enhanced_description": string | null,"id": string,"is_nullable": boolean,"is_primary_key": boolean,"is_unique": boolean,"max_length": number | null,"name": string,"organization_id": string,"pattern": string | null,"position": number,"project_id": string,"sample_values": (string)[] | null,"search_vector": unknown,"table_id": string,"updated_at": string,"validation_rules": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "business_rules"?: string | null,"created_at"?: string,"data_generation_rules"?: string | null,"data_type": string,"default_value"?: string | null,"description"?: string | null,"enhanced_description"?: string | null,"id"?: string,"is_nullable"?: boolean,"is_primary_key"?: boolean,"is_unique"?: boolean,"max_length"?: number | null,"name": string,"organization_id"?: string,"pattern"?: string | null,"position"?: number,"project_id"?: string,"sample_values"?: (string)[] | null,"search_vector"?: never,"table_id": string,"updated_at"?: string,"validation_rules"?: string | null
                  }
                  Update: {
                    "business_rules"?: string | null,"created_at"?: string,"data_generation_rules"?: string | null,"data_type"?: string,"default_value"?: string | null,"description"?: string | null,"enhanced_description"?: string | null,"id"?: string,"is_nullable"?: boolean,"is_primary_key"?: boolean,"is_unique"?: boolean,"max_length"?: number | null,"name"?: string,"organization_id"?: string,"pattern"?: string | null,"position"?: number,"project_id"?: string,"sample_values"?: (string)[] | null,"search_vector"?: never,"table_id"?: string,"updated_at"?: string,"validation_rules"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "column_metadata_organization_id_project_id_table_id_fkey"
      columns: ["organization_id","project_id","table_id"]
isOneToOne: false
      referencedRelation: "table_metadata"
      referencedColumns: ["organization_id","project_id","id"]
    }
                  ]
                },"conversation_turns": {
                  Row: {
                    "answer_id": string | null,"base_id": string | null,"began_conversation": boolean,"conversation_id": string,"created_at": string,"id": string,"idempotency_key": string | null,"leaf_id": string,"locked_until": string | null,"organization_id": string,"request_hash": string | null,"shown_id": string,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "answer_id"?: string | null,"base_id"?: string | null,"began_conversation"?: boolean,"conversation_id": string,"created_at"?: string,"id"?: string,"idempotency_key"?: string | null,"leaf_id": string,"locked_until"?: string | null,"organization_id": string,"request_hash"?: string | null,"shown_id": string,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "answer_id"?: string | null,"base_id"?: string | null,"began_conversation"?: boolean,"conversation_id"?: string,"created_at"?: string,"id"?: string,"idempotency_key"?: string | null,"leaf_id"?: string,"locked_until"?: string | null,"organization_id"?: string,"request_hash"?: string | null,"shown_id"?: string,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "conversation_turns_answer_id_conversation_id_fkey"
      columns: ["answer_id","conversation_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["id","conversation_id"]
    },{
      foreignKeyName: "conversation_turns_conversation_id_organization_id_user_id_fkey"
      columns: ["conversation_id","organization_id","user_id"]
isOneToOne: false
      referencedRelation: "conversations"
      referencedColumns: ["id","organization_id","user_id"]
    },{
      foreignKeyName: "conversation_turns_leaf_id_conversation_id_fkey"
      columns: ["leaf_id","conversation_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["id","conversation_id"]
    }
                  ]
                },"conversations": {
                  Row: {
                    "assistant_id": string | null,"context": NonNullable<Json>,"created_at": string,"current_message_id": string | null,"id": string,"last_message_at": string,"message_count": number,"organization_id": string,"project_id": string | null,"settings": NonNullable<Json>,"status": Database["public"]['Enums']["conversation_status"],"subject": string | null,"title": string | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "assistant_id"?: string | null,"context"?: NonNullable<Json>,"created_at"?: string,"current_message_id"?: string | null,"id"?: string,"last_message_at"?: string,"message_count"?: number,"organization_id": string,"project_id"?: string | null,"settings"?: NonNullable<Json>,"status"?: Database["public"]['Enums']["conversation_status"],"subject"?: string | null,"title"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "assistant_id"?: string | null,"context"?: NonNullable<Json>,"created_at"?: string,"current_message_id"?: string | null,"id"?: string,"last_message_at"?: string,"message_count"?: number,"organization_id"?: string,"project_id"?: string | null,"settings"?: NonNullable<Json>,"status"?: Database["public"]['Enums']["conversation_status"],"subject"?: string | null,"title"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "conversations_assistant_id_fkey"
      columns: ["assistant_id"]
isOneToOne: false
      referencedRelation: "assistants"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "conversations_current_message_id_id_fkey"
      columns: ["current_message_id","id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["id","conversation_id"]
    },{
      foreignKeyName: "conversations_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "conversations_project_id_organization_id_fkey"
      columns: ["project_id","organization_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"dagster_access": {
                  Row: {
                    "created_at": string,"id": string,"is_active": boolean,"location": string,"repository": string,"updated_at": string,"url": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"is_active"?: boolean,"location"?: string,"repository"?: string,"updated_at"?: string,"url": string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"is_active"?: boolean,"location"?: string,"repository"?: string,"updated_at"?: string,"url"?: string
                  }
                  Relationships: [
                    
                  ]
                },"dagster_jobs": {
                  Row: {
                    "created_at": string,"definition": NonNullable<Json>,"id": string,"last_used_at": string,"name": string,"organization_id": string,"pipeline_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"definition": NonNullable<Json>,"id"?: string,"last_used_at"?: string,"name": string,"organization_id": string,"pipeline_id": string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"definition"?: NonNullable<Json>,"id"?: string,"last_used_at"?: string,"name"?: string,"organization_id"?: string,"pipeline_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "dagster_jobs_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "dagster_jobs_pipeline_id_organization_id_fkey"
      columns: ["pipeline_id","organization_id"]
isOneToOne: false
      referencedRelation: "pipelines"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"dagster_runs": {
                  Row: {
                    "config": NonNullable<Json>,"created_at": string,"cursor": string | null,"dagster_status": string | null,"ended_at": string | null,"id": string,"job_id": string,"launched_at": string | null,"launches": number,"logged_events": number,"next_poll_at": string,"organization_id": string,"parent_external_id": string | null,"poll": number,"report_id": string | null,"run_id": string,"terminated_at": string | null,"updated_at": string,"waiting_code": string | null,"waiting_code_since": string | null,"waiting_since": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "config"?: NonNullable<Json>,"created_at"?: string,"cursor"?: string | null,"dagster_status"?: string | null,"ended_at"?: string | null,"id"?: string,"job_id": string,"launched_at"?: string | null,"launches"?: number,"logged_events"?: number,"next_poll_at"?: string,"organization_id": string,"parent_external_id"?: string | null,"poll"?: number,"report_id"?: string | null,"run_id": string,"terminated_at"?: string | null,"updated_at"?: string,"waiting_code"?: string | null,"waiting_code_since"?: string | null,"waiting_since"?: string | null
                  }
                  Update: {
                    "config"?: NonNullable<Json>,"created_at"?: string,"cursor"?: string | null,"dagster_status"?: string | null,"ended_at"?: string | null,"id"?: string,"job_id"?: string,"launched_at"?: string | null,"launches"?: number,"logged_events"?: number,"next_poll_at"?: string,"organization_id"?: string,"parent_external_id"?: string | null,"poll"?: number,"report_id"?: string | null,"run_id"?: string,"terminated_at"?: string | null,"updated_at"?: string,"waiting_code"?: string | null,"waiting_code_since"?: string | null,"waiting_since"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "dagster_runs_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "dagster_jobs"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "dagster_runs_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "dagster_runs_run_id_fkey"
      columns: ["run_id"]
isOneToOne: true
      referencedRelation: "pipeline_runs"
      referencedColumns: ["id"]
    }
                  ]
                },"dependencies": {
                  Row: {
                    "block_id": string | null,"created_at": string,"dependency_detail": string | null,"dependency_type": Database["public"]['Enums']["dependency_type"],"depends_on_block_id": string | null,"depends_on_edge_id": string | null,"depends_on_id": string | null,"depends_on_type": Database["public"]['Enums']["registry_entity"] | null,"edge_id": string | null,"entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"id": string,"organization_id": string,"package_name": string | null,"package_version": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "block_id"?: never,"created_at"?: string,"dependency_detail"?: string | null,"dependency_type": Database["public"]['Enums']["dependency_type"],"depends_on_block_id"?: never,"depends_on_edge_id"?: never,"depends_on_id"?: string | null,"depends_on_type"?: Database["public"]['Enums']["registry_entity"] | null,"edge_id"?: never,"entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"id"?: string,"organization_id"?: string,"package_name"?: string | null,"package_version"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "block_id"?: never,"created_at"?: string,"dependency_detail"?: string | null,"dependency_type"?: Database["public"]['Enums']["dependency_type"],"depends_on_block_id"?: never,"depends_on_edge_id"?: never,"depends_on_id"?: string | null,"depends_on_type"?: Database["public"]['Enums']["registry_entity"] | null,"edge_id"?: never,"entity_id"?: string,"entity_type"?: Database["public"]['Enums']["registry_entity"],"id"?: string,"organization_id"?: string,"package_name"?: string | null,"package_version"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "dependencies_block_id_organization_id_fkey"
      columns: ["block_id","organization_id"]
isOneToOne: false
      referencedRelation: "blocks"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "dependencies_depends_on_block_id_organization_id_fkey"
      columns: ["depends_on_block_id","organization_id"]
isOneToOne: false
      referencedRelation: "blocks"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "dependencies_depends_on_edge_id_organization_id_fkey"
      columns: ["depends_on_edge_id","organization_id"]
isOneToOne: false
      referencedRelation: "edges"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "dependencies_edge_id_organization_id_fkey"
      columns: ["edge_id","organization_id"]
isOneToOne: false
      referencedRelation: "edges"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "dependencies_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"docker_images": {
                  Row: {
                    "block_id": string | null,"build_logs": string,"build_status": Database["public"]['Enums']["build_status"],"created_at": string,"digest": string | null,"edge_id": string | null,"entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"id": string,"image_tag": string,"last_built_at": string | null,"name": string,"organization_id": string,"registry_url": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "block_id"?: never,"build_logs"?: string,"build_status"?: Database["public"]['Enums']["build_status"],"created_at"?: string,"digest"?: string | null,"edge_id"?: never,"entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"id"?: string,"image_tag"?: string,"last_built_at"?: string | null,"name": string,"organization_id"?: string,"registry_url"?: string,"updated_at"?: string
                  }
                  Update: {
                    "block_id"?: never,"build_logs"?: string,"build_status"?: Database["public"]['Enums']["build_status"],"created_at"?: string,"digest"?: string | null,"edge_id"?: never,"entity_id"?: string,"entity_type"?: Database["public"]['Enums']["registry_entity"],"id"?: string,"image_tag"?: string,"last_built_at"?: string | null,"name"?: string,"organization_id"?: string,"registry_url"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "docker_images_block_id_organization_id_fkey"
      columns: ["block_id","organization_id"]
isOneToOne: false
      referencedRelation: "blocks"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "docker_images_edge_id_organization_id_fkey"
      columns: ["edge_id","organization_id"]
isOneToOne: false
      referencedRelation: "edges"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "docker_images_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"edge_verifications": {
                  Row: {
                    "created_at": string,"edge_version_id": string,"id": string,"organization_id": string,"updated_at": string,"verification_logs": string,"verification_status": Database["public"]['Enums']["verification_status"],"verified_at": string | null,"verified_by": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"edge_version_id": string,"id"?: string,"organization_id"?: string,"updated_at"?: string,"verification_logs"?: string,"verification_status"?: Database["public"]['Enums']["verification_status"],"verified_at"?: string | null,"verified_by"?: string | null
                  }
                  Update: {
                    "created_at"?: string,"edge_version_id"?: string,"id"?: string,"organization_id"?: string,"updated_at"?: string,"verification_logs"?: string,"verification_status"?: Database["public"]['Enums']["verification_status"],"verified_at"?: string | null,"verified_by"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "edge_verifications_edge_version_id_organization_id_fkey"
      columns: ["edge_version_id","organization_id"]
isOneToOne: false
      referencedRelation: "edge_versions"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"edge_versions": {
                  Row: {
                    "created_at": string,"created_by": string | null,"edge_id": string,"id": string,"is_active": boolean,"metadata": NonNullable<Json>,"organization_id": string,"spec": NonNullable<Json>,"updated_at": string,"version_number": number
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"edge_id": string,"id"?: string,"is_active"?: boolean,"metadata"?: NonNullable<Json>,"organization_id"?: string,"spec": NonNullable<Json>,"updated_at"?: string,"version_number"?: number
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"edge_id"?: string,"id"?: string,"is_active"?: boolean,"metadata"?: NonNullable<Json>,"organization_id"?: string,"spec"?: NonNullable<Json>,"updated_at"?: string,"version_number"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "edge_versions_edge_id_organization_id_fkey"
      columns: ["edge_id","organization_id"]
isOneToOne: false
      referencedRelation: "edges"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"edges": {
                  Row: {
                    "created_at": string,"created_by": string | null,"current_version_id": string | null,"description": string | null,"id": string,"is_archived": boolean,"name": string,"organization_id": string,"revision": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"current_version_id"?: string | null,"description"?: string | null,"id"?: string,"is_archived"?: boolean,"name": string,"organization_id": string,"revision"?: number,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"current_version_id"?: string | null,"description"?: string | null,"id"?: string,"is_archived"?: boolean,"name"?: string,"organization_id"?: string,"revision"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "edges_current_version_fkey"
      columns: ["current_version_id","id"]
isOneToOne: false
      referencedRelation: "edge_versions"
      referencedColumns: ["id","edge_id"]
    },{
      foreignKeyName: "edges_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"endpoint_attempts": {
                  Row: {
                    "attempt": number,"created_at": string,"delivery_id": string,"duration_ms": number | null,"error": Json | null,"id": string,"organization_id": string,"request_headers": Json | null,"response_body": string | null,"response_headers": Json | null,"response_status": number | null,"started_at": string,"updated_at": string,"url": string
                  }
                  ComputedFields: never
                  Insert: {
                    "attempt": number,"created_at"?: string,"delivery_id": string,"duration_ms"?: number | null,"error"?: Json | null,"id"?: string,"organization_id": string,"request_headers"?: Json | null,"response_body"?: string | null,"response_headers"?: Json | null,"response_status"?: number | null,"started_at"?: string,"updated_at"?: string,"url": string
                  }
                  Update: {
                    "attempt"?: number,"created_at"?: string,"delivery_id"?: string,"duration_ms"?: number | null,"error"?: Json | null,"id"?: string,"organization_id"?: string,"request_headers"?: Json | null,"response_body"?: string | null,"response_headers"?: Json | null,"response_status"?: number | null,"started_at"?: string,"updated_at"?: string,"url"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "endpoint_attempts_delivery_id_fkey"
      columns: ["delivery_id"]
isOneToOne: false
      referencedRelation: "endpoint_deliveries"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "endpoint_attempts_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"endpoint_deliveries": {
                  Row: {
                    "attempt": number,"created_at": string,"endpoint_id": string,"event_type": string,"finished_at": string | null,"id": string,"next_attempt_at": string | null,"organization_id": string,"payload": NonNullable<Json>,"run_id": string | null,"status": Database["public"]['Enums']["endpoint_delivery_status"],"tries": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "attempt"?: number,"created_at"?: string,"endpoint_id": string,"event_type": string,"finished_at"?: string | null,"id"?: string,"next_attempt_at"?: string | null,"organization_id": string,"payload": NonNullable<Json>,"run_id"?: string | null,"status"?: Database["public"]['Enums']["endpoint_delivery_status"],"tries"?: number,"updated_at"?: string
                  }
                  Update: {
                    "attempt"?: number,"created_at"?: string,"endpoint_id"?: string,"event_type"?: string,"finished_at"?: string | null,"id"?: string,"next_attempt_at"?: string | null,"organization_id"?: string,"payload"?: NonNullable<Json>,"run_id"?: string | null,"status"?: Database["public"]['Enums']["endpoint_delivery_status"],"tries"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "endpoint_deliveries_endpoint_id_fkey"
      columns: ["endpoint_id"]
isOneToOne: false
      referencedRelation: "pipeline_endpoints"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "endpoint_deliveries_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "endpoint_deliveries_run_id_fkey"
      columns: ["run_id"]
isOneToOne: false
      referencedRelation: "pipeline_runs"
      referencedColumns: ["id"]
    }
                  ]
                },"endpoint_secrets": {
                  Row: {
                    "ciphertext": string,"created_at": string,"endpoint_id": string,"expires_at": string | null,"id": string,"key_version": number,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "ciphertext": string,"created_at"?: string,"endpoint_id": string,"expires_at"?: string | null,"id"?: string,"key_version": number,"organization_id": string,"updated_at"?: string
                  }
                  Update: {
                    "ciphertext"?: string,"created_at"?: string,"endpoint_id"?: string,"expires_at"?: string | null,"id"?: string,"key_version"?: number,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "endpoint_secrets_endpoint_id_fkey"
      columns: ["endpoint_id"]
isOneToOne: false
      referencedRelation: "pipeline_endpoints"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "endpoint_secrets_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"hook_secrets": {
                  Row: {
                    "ciphertext": string,"code_repo_id": string | null,"created_at": string,"docker_image_id": string | null,"id": string,"key_version": number,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "ciphertext": string,"code_repo_id"?: string | null,"created_at"?: string,"docker_image_id"?: string | null,"id"?: string,"key_version": number,"organization_id"?: string,"updated_at"?: string
                  }
                  Update: {
                    "ciphertext"?: string,"code_repo_id"?: string | null,"created_at"?: string,"docker_image_id"?: string | null,"id"?: string,"key_version"?: number,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "hook_secrets_code_repo_id_organization_id_fkey"
      columns: ["code_repo_id","organization_id"]
isOneToOne: false
      referencedRelation: "code_repos"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "hook_secrets_docker_image_id_organization_id_fkey"
      columns: ["docker_image_id","organization_id"]
isOneToOne: false
      referencedRelation: "docker_images"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "hook_secrets_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"idempotency_keys": {
                  Row: {
                    "created_at": string,"expires_at": string,"id": string,"key": string,"locked_until": string,"operation": string,"request_hash": string,"response": Json | null,"status_code": number | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"expires_at"?: string,"id"?: string,"key": string,"locked_until": string,"operation": string,"request_hash": string,"response"?: Json | null,"status_code"?: number | null,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "created_at"?: string,"expires_at"?: string,"id"?: string,"key"?: string,"locked_until"?: string,"operation"?: string,"request_hash"?: string,"response"?: Json | null,"status_code"?: number | null,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"memberships": {
                  Row: {
                    "accepted_at": string | null,"created_at": string,"id": string,"organization_id": string,"role": Database["public"]['Enums']["membership_role"],"status": Database["public"]['Enums']["membership_status"],"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "accepted_at"?: string | null,"created_at"?: string,"id"?: string,"organization_id": string,"role"?: Database["public"]['Enums']["membership_role"],"status"?: Database["public"]['Enums']["membership_status"],"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "accepted_at"?: string | null,"created_at"?: string,"id"?: string,"organization_id"?: string,"role"?: Database["public"]['Enums']["membership_role"],"status"?: Database["public"]['Enums']["membership_status"],"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "memberships_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"messages": {
                  Row: {
                    "cached_tokens": number | null,"content": string,"conversation_id": string,"cost": number | null,"created_at": string,"depth": number,"feedback": number | null,"id": string,"input_tokens": number | null,"metadata": NonNullable<Json>,"model": string | null,"organization_id": string,"output_tokens": number | null,"parent_id": string | null,"parts": Json | null,"provider": string | null,"reasoning_tokens": number | null,"response_time_ms": number | null,"role": Database["public"]['Enums']["message_role"],"sequence": number,"size_bytes": number,"status": Database["public"]['Enums']["message_status"],"tool_call_id": string | null,"tool_calls": Json | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "cached_tokens"?: number | null,"content"?: string,"conversation_id": string,"cost"?: number | null,"created_at"?: string,"depth"?: number,"feedback"?: number | null,"id"?: string,"input_tokens"?: number | null,"metadata"?: NonNullable<Json>,"model"?: string | null,"organization_id"?: string,"output_tokens"?: number | null,"parent_id"?: string | null,"parts"?: Json | null,"provider"?: string | null,"reasoning_tokens"?: number | null,"response_time_ms"?: number | null,"role": Database["public"]['Enums']["message_role"],"sequence"?: never,"size_bytes"?: never,"status"?: Database["public"]['Enums']["message_status"],"tool_call_id"?: string | null,"tool_calls"?: Json | null,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "cached_tokens"?: number | null,"content"?: string,"conversation_id"?: string,"cost"?: number | null,"created_at"?: string,"depth"?: number,"feedback"?: number | null,"id"?: string,"input_tokens"?: number | null,"metadata"?: NonNullable<Json>,"model"?: string | null,"organization_id"?: string,"output_tokens"?: number | null,"parent_id"?: string | null,"parts"?: Json | null,"provider"?: string | null,"reasoning_tokens"?: number | null,"response_time_ms"?: number | null,"role"?: Database["public"]['Enums']["message_role"],"sequence"?: never,"size_bytes"?: never,"status"?: Database["public"]['Enums']["message_status"],"tool_call_id"?: string | null,"tool_calls"?: Json | null,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "messages_organization_id_user_id_conversation_id_fkey"
      columns: ["organization_id","user_id","conversation_id"]
isOneToOne: false
      referencedRelation: "conversations"
      referencedColumns: ["organization_id","user_id","id"]
    },{
      foreignKeyName: "messages_parent_id_conversation_id_fkey"
      columns: ["parent_id","conversation_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["id","conversation_id"]
    }
                  ]
                },"model_prices": {
                  Row: {
                    "above_input_tokens": number,"as_of": string,"cached_input_price": number | null,"created_at": string,"id": string,"input_price": number,"model": string,"organization_id": string | null,"output_price": number,"provider": string,"reasoning_price": number | null,"source": string | null,"updated_at": string,"variants": (string)[]
                  }
                  ComputedFields: never
                  Insert: {
                    "above_input_tokens"?: number,"as_of"?: string,"cached_input_price"?: number | null,"created_at"?: string,"id"?: string,"input_price": number,"model": string,"organization_id"?: string | null,"output_price": number,"provider": string,"reasoning_price"?: number | null,"source"?: string | null,"updated_at"?: string,"variants"?: (string)[]
                  }
                  Update: {
                    "above_input_tokens"?: number,"as_of"?: string,"cached_input_price"?: number | null,"created_at"?: string,"id"?: string,"input_price"?: number,"model"?: string,"organization_id"?: string | null,"output_price"?: number,"provider"?: string,"reasoning_price"?: number | null,"source"?: string | null,"updated_at"?: string,"variants"?: (string)[]
                  }
                  Relationships: [
                    {
      foreignKeyName: "model_prices_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"organizations": {
                  Row: {
                    "audit_retention_days": number,"created_at": string,"created_by": string | null,"id": string,"kind": Database["public"]['Enums']["organization_kind"],"max_concurrent_steps": number | null,"member_count": number,"name": string,"revision": number,"settings": NonNullable<Json>,"slug": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "audit_retention_days"?: number,"created_at"?: string,"created_by"?: string | null,"id"?: string,"kind"?: Database["public"]['Enums']["organization_kind"],"max_concurrent_steps"?: number | null,"member_count"?: number,"name": string,"revision"?: number,"settings"?: NonNullable<Json>,"slug": string,"updated_at"?: string
                  }
                  Update: {
                    "audit_retention_days"?: number,"created_at"?: string,"created_by"?: string | null,"id"?: string,"kind"?: Database["public"]['Enums']["organization_kind"],"max_concurrent_steps"?: number | null,"member_count"?: number,"name"?: string,"revision"?: number,"settings"?: NonNullable<Json>,"slug"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    
                  ]
                },"pipeline_blocks": {
                  Row: {
                    "block_id": string,"cache": boolean,"created_at": string,"id": string,"max_attempts": number,"organization_id": string,"pipeline_id": string,"priority": number,"timeout_seconds": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "block_id": string,"cache"?: boolean,"created_at"?: string,"id"?: string,"max_attempts"?: number,"organization_id"?: string,"pipeline_id": string,"priority"?: number,"timeout_seconds"?: number,"updated_at"?: string
                  }
                  Update: {
                    "block_id"?: string,"cache"?: boolean,"created_at"?: string,"id"?: string,"max_attempts"?: number,"organization_id"?: string,"pipeline_id"?: string,"priority"?: number,"timeout_seconds"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "pipeline_blocks_block_id_organization_id_fkey"
      columns: ["block_id","organization_id"]
isOneToOne: false
      referencedRelation: "blocks"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "pipeline_blocks_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "pipeline_blocks_pipeline_id_organization_id_fkey"
      columns: ["pipeline_id","organization_id"]
isOneToOne: false
      referencedRelation: "pipelines"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"pipeline_edges": {
                  Row: {
                    "created_at": string,"edge_id": string,"id": string,"organization_id": string,"pipeline_id": string,"source_block_id": string,"target_block_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"edge_id": string,"id"?: string,"organization_id"?: string,"pipeline_id": string,"source_block_id": string,"target_block_id": string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"edge_id"?: string,"id"?: string,"organization_id"?: string,"pipeline_id"?: string,"source_block_id"?: string,"target_block_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "pipeline_edges_edge_id_organization_id_fkey"
      columns: ["edge_id","organization_id"]
isOneToOne: false
      referencedRelation: "edges"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "pipeline_edges_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "pipeline_edges_pipeline_id_organization_id_fkey"
      columns: ["pipeline_id","organization_id"]
isOneToOne: false
      referencedRelation: "pipelines"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "pipeline_edges_source_fkey"
      columns: ["pipeline_id","source_block_id"]
isOneToOne: false
      referencedRelation: "pipeline_blocks"
      referencedColumns: ["pipeline_id","block_id"]
    },{
      foreignKeyName: "pipeline_edges_target_fkey"
      columns: ["pipeline_id","target_block_id"]
isOneToOne: false
      referencedRelation: "pipeline_blocks"
      referencedColumns: ["pipeline_id","block_id"]
    }
                  ]
                },"pipeline_endpoints": {
                  Row: {
                    "created_at": string,"created_by": string | null,"description": string | null,"disabled_at": string | null,"disabled_reason": Database["public"]['Enums']["endpoint_disabled_reason"] | null,"events": (string)[],"failing_since": string | null,"id": string,"is_active": boolean,"organization_id": string,"pipeline_id": string | null,"updated_at": string,"url": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"description"?: string | null,"disabled_at"?: string | null,"disabled_reason"?: Database["public"]['Enums']["endpoint_disabled_reason"] | null,"events": (string)[],"failing_since"?: string | null,"id"?: string,"is_active"?: boolean,"organization_id": string,"pipeline_id"?: string | null,"updated_at"?: string,"url": string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"description"?: string | null,"disabled_at"?: string | null,"disabled_reason"?: Database["public"]['Enums']["endpoint_disabled_reason"] | null,"events"?: (string)[],"failing_since"?: string | null,"id"?: string,"is_active"?: boolean,"organization_id"?: string,"pipeline_id"?: string | null,"updated_at"?: string,"url"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "pipeline_endpoints_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "pipeline_endpoints_pipeline_id_organization_id_fkey"
      columns: ["pipeline_id","organization_id"]
isOneToOne: false
      referencedRelation: "pipelines"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"pipeline_runs": {
                  Row: {
                    "api_key_id": string | null,"created_at": string,"created_by": string | null,"definition": NonNullable<Json>,"error": Json | null,"executor": Database["public"]['Enums']["pipeline_executor"],"external_id": string | null,"finished_at": string | null,"from_block_id": string | null,"id": string,"idempotency_key": string | null,"input": Json | null,"organization_id": string,"output": Json | null,"parent_run_id": string | null,"pipeline_id": string,"priority": number,"started_at": string | null,"status": Database["public"]['Enums']["run_status"],"trigger": Database["public"]['Enums']["run_trigger"],"trigger_id": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "api_key_id"?: string | null,"created_at"?: string,"created_by"?: string | null,"definition": NonNullable<Json>,"error"?: Json | null,"executor"?: Database["public"]['Enums']["pipeline_executor"],"external_id"?: string | null,"finished_at"?: string | null,"from_block_id"?: string | null,"id"?: string,"idempotency_key"?: string | null,"input"?: Json | null,"organization_id": string,"output"?: Json | null,"parent_run_id"?: string | null,"pipeline_id": string,"priority"?: number,"started_at"?: string | null,"status"?: Database["public"]['Enums']["run_status"],"trigger"?: Database["public"]['Enums']["run_trigger"],"trigger_id"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "api_key_id"?: string | null,"created_at"?: string,"created_by"?: string | null,"definition"?: NonNullable<Json>,"error"?: Json | null,"executor"?: Database["public"]['Enums']["pipeline_executor"],"external_id"?: string | null,"finished_at"?: string | null,"from_block_id"?: string | null,"id"?: string,"idempotency_key"?: string | null,"input"?: Json | null,"organization_id"?: string,"output"?: Json | null,"parent_run_id"?: string | null,"pipeline_id"?: string,"priority"?: number,"started_at"?: string | null,"status"?: Database["public"]['Enums']["run_status"],"trigger"?: Database["public"]['Enums']["run_trigger"],"trigger_id"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "pipeline_runs_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "pipeline_runs_parent_run_id_fkey"
      columns: ["parent_run_id"]
isOneToOne: false
      referencedRelation: "pipeline_runs"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "pipeline_runs_pipeline_id_organization_id_fkey"
      columns: ["pipeline_id","organization_id"]
isOneToOne: false
      referencedRelation: "pipelines"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "pipeline_runs_trigger_id_fkey"
      columns: ["trigger_id"]
isOneToOne: false
      referencedRelation: "pipeline_triggers"
      referencedColumns: ["id"]
    }
                  ]
                },"pipeline_triggers": {
                  Row: {
                    "api_key_id": string | null,"catch_up": Database["public"]['Enums']["catch_up_policy"] | null,"claimed_until": string | null,"created_at": string,"created_by": string,"deactivation_reason": string | null,"expression": string | null,"id": string,"input": Json | null,"is_active": boolean,"last_triggered_at": string | null,"next_fire_at": string | null,"organization_id": string,"overlap": Database["public"]['Enums']["overlap_policy"] | null,"pipeline_id": string,"scheme": Database["public"]['Enums']["webhook_scheme"] | null,"timezone": string | null,"type": Database["public"]['Enums']["pipeline_trigger_type"],"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "api_key_id"?: string | null,"catch_up"?: Database["public"]['Enums']["catch_up_policy"] | null,"claimed_until"?: string | null,"created_at"?: string,"created_by"?: string,"deactivation_reason"?: string | null,"expression"?: string | null,"id"?: string,"input"?: Json | null,"is_active"?: boolean,"last_triggered_at"?: string | null,"next_fire_at"?: string | null,"organization_id"?: string,"overlap"?: Database["public"]['Enums']["overlap_policy"] | null,"pipeline_id": string,"scheme"?: Database["public"]['Enums']["webhook_scheme"] | null,"timezone"?: string | null,"type": Database["public"]['Enums']["pipeline_trigger_type"],"updated_at"?: string
                  }
                  Update: {
                    "api_key_id"?: string | null,"catch_up"?: Database["public"]['Enums']["catch_up_policy"] | null,"claimed_until"?: string | null,"created_at"?: string,"created_by"?: string,"deactivation_reason"?: string | null,"expression"?: string | null,"id"?: string,"input"?: Json | null,"is_active"?: boolean,"last_triggered_at"?: string | null,"next_fire_at"?: string | null,"organization_id"?: string,"overlap"?: Database["public"]['Enums']["overlap_policy"] | null,"pipeline_id"?: string,"scheme"?: Database["public"]['Enums']["webhook_scheme"] | null,"timezone"?: string | null,"type"?: Database["public"]['Enums']["pipeline_trigger_type"],"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "pipeline_triggers_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "pipeline_triggers_pipeline_id_organization_id_fkey"
      columns: ["pipeline_id","organization_id"]
isOneToOne: false
      referencedRelation: "pipelines"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"pipelines": {
                  Row: {
                    "average_runtime": number | null,"created_at": string,"created_by": string | null,"dagster_pipeline_config": NonNullable<Json>,"description": string | null,"executor": Database["public"]['Enums']["pipeline_executor"],"id": string,"last_run_at": string | null,"max_concurrent_steps": number | null,"name": string,"organization_id": string,"revision": number,"status": Database["public"]['Enums']["pipeline_status"],"times_run": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "average_runtime"?: number | null,"created_at"?: string,"created_by"?: string | null,"dagster_pipeline_config"?: NonNullable<Json>,"description"?: string | null,"executor"?: Database["public"]['Enums']["pipeline_executor"],"id"?: string,"last_run_at"?: string | null,"max_concurrent_steps"?: number | null,"name": string,"organization_id": string,"revision"?: number,"status"?: Database["public"]['Enums']["pipeline_status"],"times_run"?: number,"updated_at"?: string
                  }
                  Update: {
                    "average_runtime"?: number | null,"created_at"?: string,"created_by"?: string | null,"dagster_pipeline_config"?: NonNullable<Json>,"description"?: string | null,"executor"?: Database["public"]['Enums']["pipeline_executor"],"id"?: string,"last_run_at"?: string | null,"max_concurrent_steps"?: number | null,"name"?: string,"organization_id"?: string,"revision"?: number,"status"?: Database["public"]['Enums']["pipeline_status"],"times_run"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "pipelines_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"platform_admins": {
                  Row: {
                    "created_at": string,"id": string,"role": Database["public"]['Enums']["platform_role"],"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"role": Database["public"]['Enums']["platform_role"],"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"role"?: Database["public"]['Enums']["platform_role"],"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"profiles": {
                  Row: {
                    "avatar_url": string | null,"created_at": string,"email": string | null,"full_name": string | null,"id": string,"last_active_at": string | null,"status": Database["public"]['Enums']["profile_status"],"updated_at": string,"username": string
                  }
                  ComputedFields: never
                  Insert: {
                    "avatar_url"?: string | null,"created_at"?: string,"email"?: string | null,"full_name"?: string | null,"id": string,"last_active_at"?: string | null,"status"?: Database["public"]['Enums']["profile_status"],"updated_at"?: string,"username": string
                  }
                  Update: {
                    "avatar_url"?: string | null,"created_at"?: string,"email"?: string | null,"full_name"?: string | null,"id"?: string,"last_active_at"?: string | null,"status"?: Database["public"]['Enums']["profile_status"],"updated_at"?: string,"username"?: string
                  }
                  Relationships: [
                    
                  ]
                },"projects": {
                  Row: {
                    "column_count": number,"created_at": string,"created_by": string | null,"description": string | null,"id": string,"name": string,"organization_id": string,"revision": number,"search_vector": unknown,"table_count": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "column_count"?: number,"created_at"?: string,"created_by"?: string | null,"description"?: string | null,"id"?: string,"name": string,"organization_id": string,"revision"?: number,"search_vector"?: never,"table_count"?: number,"updated_at"?: string
                  }
                  Update: {
                    "column_count"?: number,"created_at"?: string,"created_by"?: string | null,"description"?: string | null,"id"?: string,"name"?: string,"organization_id"?: string,"revision"?: number,"search_vector"?: never,"table_count"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "projects_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"provider_keys": {
                  Row: {
                    "base_url": string | null,"ciphertext": string,"created_at": string,"id": string,"is_active": boolean,"key_version": number,"last_four": string,"name": string,"organization_id": string,"provider": string,"updated_at": string,"user_id": string | null,"verified": boolean,"verified_at": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "base_url"?: string | null,"ciphertext": string,"created_at"?: string,"id"?: string,"is_active"?: boolean,"key_version": number,"last_four": string,"name": string,"organization_id": string,"provider": string,"updated_at"?: string,"user_id"?: string | null,"verified"?: boolean,"verified_at"?: string | null
                  }
                  Update: {
                    "base_url"?: string | null,"ciphertext"?: string,"created_at"?: string,"id"?: string,"is_active"?: boolean,"key_version"?: number,"last_four"?: string,"name"?: string,"organization_id"?: string,"provider"?: string,"updated_at"?: string,"user_id"?: string | null,"verified"?: boolean,"verified_at"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "provider_keys_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "provider_keys_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "memberships"
      referencedColumns: ["organization_id","user_id"]
    }
                  ]
                },"rate_limits": {
                  Row: {
                    "by_operator": boolean,"created_at": string,"created_by": string | null,"id": string,"organization_id": string,"requests_per_minute": number | null,"scope": Database["public"]['Enums']["usage_scope"],"subject_id": string | null,"tokens_per_minute": number | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "by_operator"?: boolean,"created_at"?: string,"created_by"?: string | null,"id"?: string,"organization_id": string,"requests_per_minute"?: number | null,"scope": Database["public"]['Enums']["usage_scope"],"subject_id"?: string | null,"tokens_per_minute"?: number | null,"updated_at"?: string
                  }
                  Update: {
                    "by_operator"?: boolean,"created_at"?: string,"created_by"?: string | null,"id"?: string,"organization_id"?: string,"requests_per_minute"?: number | null,"scope"?: Database["public"]['Enums']["usage_scope"],"subject_id"?: string | null,"tokens_per_minute"?: number | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "rate_limits_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"rate_windows": {
                  Row: {
                    "created_at": string,"id": string,"organization_id": string,"previous_requests": number,"previous_tokens": number,"requests": number,"scope": Database["public"]['Enums']["usage_scope"],"started_at": string,"subject_id": string,"tokens": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"organization_id": string,"previous_requests"?: number,"previous_tokens"?: number,"requests"?: number,"scope": Database["public"]['Enums']["usage_scope"],"started_at": string,"subject_id": string,"tokens"?: number,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"organization_id"?: string,"previous_requests"?: number,"previous_tokens"?: number,"requests"?: number,"scope"?: Database["public"]['Enums']["usage_scope"],"started_at"?: string,"subject_id"?: string,"tokens"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "rate_windows_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"relationships": {
                  Row: {
                    "created_at": string,"id": string,"organization_id": string,"project_id": string,"relationship_type": Database["public"]['Enums']["relationship_type"],"source_column_id": string,"source_table_id": string,"target_column_id": string,"target_table_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"organization_id"?: string,"project_id"?: string,"relationship_type"?: Database["public"]['Enums']["relationship_type"],"source_column_id": string,"source_table_id"?: string,"target_column_id": string,"target_table_id"?: string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"organization_id"?: string,"project_id"?: string,"relationship_type"?: Database["public"]['Enums']["relationship_type"],"source_column_id"?: string,"source_table_id"?: string,"target_column_id"?: string,"target_table_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "relationships_organization_id_project_id_fkey"
      columns: ["organization_id","project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["organization_id","id"]
    },{
      foreignKeyName: "relationships_source_fkey"
      columns: ["organization_id","project_id","source_table_id","source_column_id"]
isOneToOne: false
      referencedRelation: "column_metadata"
      referencedColumns: ["organization_id","project_id","table_id","id"]
    },{
      foreignKeyName: "relationships_target_fkey"
      columns: ["organization_id","project_id","target_table_id","target_column_id"]
isOneToOne: false
      referencedRelation: "column_metadata"
      referencedColumns: ["organization_id","project_id","table_id","id"]
    }
                  ]
                },"run_events": {
                  Row: {
                    "created_at": string,"data": NonNullable<Json>,"event_type": string,"id": string,"message": string,"organization_id": string,"run_id": string,"sequence": number,"step_id": string | null,"transaction_id": unknown,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"data"?: NonNullable<Json>,"event_type": string,"id"?: string,"message"?: string,"organization_id": string,"run_id": string,"sequence"?: never,"step_id"?: string | null,"transaction_id"?: unknown,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"data"?: NonNullable<Json>,"event_type"?: string,"id"?: string,"message"?: string,"organization_id"?: string,"run_id"?: string,"sequence"?: never,"step_id"?: string | null,"transaction_id"?: unknown,"updated_at"?: string
                  }
                  Relationships: [
                    
                  ]
                },"run_steps": {
                  Row: {
                    "attempt": number,"block_id": string,"block_version_id": string,"cache": boolean,"cache_key": string | null,"child_ids": (string)[],"continuation": Json | null,"continuations": number,"created_at": string,"error": Json | null,"failures": number,"finished_at": string | null,"id": string,"incoming": NonNullable<Json>,"is_suspect": boolean,"lane": string | null,"max_attempts": number,"name": string,"organization_id": string,"output": Json | null,"output_path": string | null,"pending_parents": number,"priority": number,"reused_step_id": string | null,"run_at": string,"run_id": string,"started_at": string | null,"status": Database["public"]['Enums']["step_status"],"timeout_seconds": number,"updated_at": string,"worker_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "attempt"?: number,"block_id": string,"block_version_id": string,"cache"?: boolean,"cache_key"?: string | null,"child_ids"?: (string)[],"continuation"?: Json | null,"continuations"?: number,"created_at"?: string,"error"?: Json | null,"failures"?: number,"finished_at"?: string | null,"id"?: string,"incoming"?: NonNullable<Json>,"is_suspect"?: boolean,"lane"?: string | null,"max_attempts"?: number,"name": string,"organization_id": string,"output"?: Json | null,"output_path"?: string | null,"pending_parents"?: number,"priority"?: number,"reused_step_id"?: string | null,"run_at"?: string,"run_id": string,"started_at"?: string | null,"status": Database["public"]['Enums']["step_status"],"timeout_seconds"?: number,"updated_at"?: string,"worker_id"?: string | null
                  }
                  Update: {
                    "attempt"?: number,"block_id"?: string,"block_version_id"?: string,"cache"?: boolean,"cache_key"?: string | null,"child_ids"?: (string)[],"continuation"?: Json | null,"continuations"?: number,"created_at"?: string,"error"?: Json | null,"failures"?: number,"finished_at"?: string | null,"id"?: string,"incoming"?: NonNullable<Json>,"is_suspect"?: boolean,"lane"?: string | null,"max_attempts"?: number,"name"?: string,"organization_id"?: string,"output"?: Json | null,"output_path"?: string | null,"pending_parents"?: number,"priority"?: number,"reused_step_id"?: string | null,"run_at"?: string,"run_id"?: string,"started_at"?: string | null,"status"?: Database["public"]['Enums']["step_status"],"timeout_seconds"?: number,"updated_at"?: string,"worker_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "run_steps_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "run_steps_run_id_fkey"
      columns: ["run_id"]
isOneToOne: false
      referencedRelation: "pipeline_runs"
      referencedColumns: ["id"]
    }
                  ]
                },"step_effects": {
                  Row: {
                    "created_at": string,"id": string,"organization_id": string,"result": NonNullable<Json>,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id": string,"organization_id"?: string,"result": NonNullable<Json>,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"organization_id"?: string,"result"?: NonNullable<Json>,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "step_effects_id_fkey"
      columns: ["id"]
isOneToOne: true
      referencedRelation: "run_steps"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "step_effects_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"table_metadata": {
                  Row: {
                    "business_rules": string | null,"created_at": string,"description": string | null,"domain_context": string | null,"enhanced_description": string | null,"id": string,"name": string,"organization_id": string,"position_x": number,"position_y": number,"project_id": string,"search_vector": unknown,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "business_rules"?: string | null,"created_at"?: string,"description"?: string | null,"domain_context"?: string | null,"enhanced_description"?: string | null,"id"?: string,"name": string,"organization_id"?: string,"position_x"?: number,"position_y"?: number,"project_id": string,"search_vector"?: never,"updated_at"?: string
                  }
                  Update: {
                    "business_rules"?: string | null,"created_at"?: string,"description"?: string | null,"domain_context"?: string | null,"enhanced_description"?: string | null,"id"?: string,"name"?: string,"organization_id"?: string,"position_x"?: number,"position_y"?: number,"project_id"?: string,"search_vector"?: never,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "table_metadata_organization_id_project_id_fkey"
      columns: ["organization_id","project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["organization_id","id"]
    }
                  ]
                },"taxonomy_categories": {
                  Row: {
                    "created_at": string,"description": string | null,"id": string,"name": string,"organization_id": string,"parent_id": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"description"?: string | null,"id"?: string,"name": string,"organization_id": string,"parent_id"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"description"?: string | null,"id"?: string,"name"?: string,"organization_id"?: string,"parent_id"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "taxonomy_categories_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "taxonomy_categories_parent_id_organization_id_fkey"
      columns: ["parent_id","organization_id"]
isOneToOne: false
      referencedRelation: "taxonomy_categories"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"team_members": {
                  Row: {
                    "created_at": string,"id": string,"organization_id": string,"team_id": string,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"organization_id"?: string,"team_id": string,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"organization_id"?: string,"team_id"?: string,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "team_members_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "team_members_organization_id_user_id_fkey"
      columns: ["organization_id","user_id"]
isOneToOne: false
      referencedRelation: "memberships"
      referencedColumns: ["organization_id","user_id"]
    },{
      foreignKeyName: "team_members_team_id_organization_id_fkey"
      columns: ["team_id","organization_id"]
isOneToOne: false
      referencedRelation: "teams"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"teams": {
                  Row: {
                    "created_at": string,"created_by": string | null,"description": string | null,"id": string,"member_count": number,"name": string,"organization_id": string,"revision": number,"settings": NonNullable<Json>,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"description"?: string | null,"id"?: string,"member_count"?: number,"name": string,"organization_id": string,"revision"?: number,"settings"?: NonNullable<Json>,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"description"?: string | null,"id"?: string,"member_count"?: number,"name"?: string,"organization_id"?: string,"revision"?: number,"settings"?: NonNullable<Json>,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "teams_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"tools": {
                  Row: {
                    "approval": Database["public"]['Enums']["tool_approval"],"code": string,"created_at": string,"created_by": string | null,"description": string,"id": string,"is_active": boolean,"name": string,"organization_id": string,"parameters": NonNullable<Json>,"revision": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "approval"?: Database["public"]['Enums']["tool_approval"],"code": string,"created_at"?: string,"created_by"?: string | null,"description": string,"id"?: string,"is_active"?: boolean,"name": string,"organization_id": string,"parameters"?: NonNullable<Json>,"revision"?: number,"updated_at"?: string
                  }
                  Update: {
                    "approval"?: Database["public"]['Enums']["tool_approval"],"code"?: string,"created_at"?: string,"created_by"?: string | null,"description"?: string,"id"?: string,"is_active"?: boolean,"name"?: string,"organization_id"?: string,"parameters"?: NonNullable<Json>,"revision"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "tools_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"trigger_firings": {
                  Row: {
                    "created_at": string,"id": string,"organization_id": string,"passed_over": number,"reason": string | null,"run_id": string | null,"scheduled_at": string,"status": Database["public"]['Enums']["firing_status"],"trigger_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"organization_id"?: string,"passed_over"?: number,"reason"?: string | null,"run_id"?: string | null,"scheduled_at": string,"status": Database["public"]['Enums']["firing_status"],"trigger_id": string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"organization_id"?: string,"passed_over"?: number,"reason"?: string | null,"run_id"?: string | null,"scheduled_at"?: string,"status"?: Database["public"]['Enums']["firing_status"],"trigger_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "trigger_firings_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "trigger_firings_run_id_fkey"
      columns: ["run_id"]
isOneToOne: false
      referencedRelation: "pipeline_runs"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "trigger_firings_trigger_id_organization_id_fkey"
      columns: ["trigger_id","organization_id"]
isOneToOne: false
      referencedRelation: "pipeline_triggers"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"trigger_secrets": {
                  Row: {
                    "ciphertext": string,"created_at": string,"expires_at": string | null,"grace_seconds": number,"id": string,"key_version": number,"organization_id": string,"trigger_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "ciphertext": string,"created_at"?: string,"expires_at"?: string | null,"grace_seconds"?: number,"id"?: string,"key_version": number,"organization_id"?: string,"trigger_id": string,"updated_at"?: string
                  }
                  Update: {
                    "ciphertext"?: string,"created_at"?: string,"expires_at"?: string | null,"grace_seconds"?: number,"id"?: string,"key_version"?: number,"organization_id"?: string,"trigger_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "trigger_secrets_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "trigger_secrets_trigger_id_organization_id_fkey"
      columns: ["trigger_id","organization_id"]
isOneToOne: false
      referencedRelation: "pipeline_triggers"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"usage_counters": {
                  Row: {
                    "created_at": string,"id": string,"organization_id": string,"period": Database["public"]['Enums']["budget_period"],"period_started_at": string,"reserved": number,"scope": Database["public"]['Enums']["usage_scope"],"spent": number,"subject_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"organization_id": string,"period": Database["public"]['Enums']["budget_period"],"period_started_at": string,"reserved": number,"scope": Database["public"]['Enums']["usage_scope"],"spent": number,"subject_id": string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"organization_id"?: string,"period"?: Database["public"]['Enums']["budget_period"],"period_started_at"?: string,"reserved"?: number,"scope"?: Database["public"]['Enums']["usage_scope"],"spent"?: number,"subject_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "usage_counters_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"usage_events": {
                  Row: {
                    "api_key_id": string | null,"assistant_id": string | null,"cached_cost": number | null,"cached_tokens": number,"conversation_id": string | null,"cost": number | null,"created_at": string,"error_code": string | null,"first_token_ms": number | null,"id": string,"input_tokens": number,"is_estimated": boolean,"is_priced": boolean,"key_level": Database["public"]['Enums']["usage_key_level"],"latency_ms": number | null,"model": string,"operation": Database["public"]['Enums']["usage_operation"],"organization_id": string,"output_cost": number | null,"output_tokens": number,"provider": string,"reasoning_cost": number | null,"reasoning_tokens": number,"request_id": string | null,"run_id": string | null,"status": Database["public"]['Enums']["usage_status"],"step_id": string | null,"uncached_cost": number | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "api_key_id"?: string | null,"assistant_id"?: string | null,"cached_cost"?: number | null,"cached_tokens"?: number,"conversation_id"?: string | null,"cost"?: number | null,"created_at"?: string,"error_code"?: string | null,"first_token_ms"?: number | null,"id"?: string,"input_tokens"?: number,"is_estimated"?: boolean,"is_priced": boolean,"key_level"?: Database["public"]['Enums']["usage_key_level"],"latency_ms"?: number | null,"model": string,"operation": Database["public"]['Enums']["usage_operation"],"organization_id": string,"output_cost"?: number | null,"output_tokens"?: number,"provider": string,"reasoning_cost"?: number | null,"reasoning_tokens"?: number,"request_id"?: string | null,"run_id"?: string | null,"status": Database["public"]['Enums']["usage_status"],"step_id"?: string | null,"uncached_cost"?: number | null,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "api_key_id"?: string | null,"assistant_id"?: string | null,"cached_cost"?: number | null,"cached_tokens"?: number,"conversation_id"?: string | null,"cost"?: number | null,"created_at"?: string,"error_code"?: string | null,"first_token_ms"?: number | null,"id"?: string,"input_tokens"?: number,"is_estimated"?: boolean,"is_priced"?: boolean,"key_level"?: Database["public"]['Enums']["usage_key_level"],"latency_ms"?: number | null,"model"?: string,"operation"?: Database["public"]['Enums']["usage_operation"],"organization_id"?: string,"output_cost"?: number | null,"output_tokens"?: number,"provider"?: string,"reasoning_cost"?: number | null,"reasoning_tokens"?: number,"request_id"?: string | null,"run_id"?: string | null,"status"?: Database["public"]['Enums']["usage_status"],"step_id"?: string | null,"uncached_cost"?: number | null,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "usage_events_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"usage_reservations": {
                  Row: {
                    "api_key_id": string | null,"assistant_id": string | null,"conversation_id": string | null,"cost": number | null,"created_at": string,"id": string,"input_tokens": number,"key_level": Database["public"]['Enums']["usage_key_level"],"max_output_tokens": number,"model": string,"operation": Database["public"]['Enums']["usage_operation"],"organization_id": string,"provider": string,"request_id": string | null,"run_id": string | null,"step_id": string | null,"unpriced_field": string | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "api_key_id"?: string | null,"assistant_id"?: string | null,"conversation_id"?: string | null,"cost"?: number | null,"created_at"?: string,"id"?: string,"input_tokens": number,"key_level"?: Database["public"]['Enums']["usage_key_level"],"max_output_tokens": number,"model": string,"operation": Database["public"]['Enums']["usage_operation"],"organization_id": string,"provider": string,"request_id"?: string | null,"run_id"?: string | null,"step_id"?: string | null,"unpriced_field"?: string | null,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "api_key_id"?: string | null,"assistant_id"?: string | null,"conversation_id"?: string | null,"cost"?: number | null,"created_at"?: string,"id"?: string,"input_tokens"?: number,"key_level"?: Database["public"]['Enums']["usage_key_level"],"max_output_tokens"?: number,"model"?: string,"operation"?: Database["public"]['Enums']["usage_operation"],"organization_id"?: string,"provider"?: string,"request_id"?: string | null,"run_id"?: string | null,"step_id"?: string | null,"unpriced_field"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "usage_reservations_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"vector_representations": {
                  Row: {
                    "block_id": string | null,"created_at": string,"dimensions": number | null,"edge_id": string | null,"embedding": string | null,"entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"id": string,"model": string | null,"organization_id": string,"stale_since": string | null,"taxonomy_filter": NonNullable<Json>,"text_hash": string | null,"updated_at": string,"vector_db": string,"vector_key": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "block_id"?: never,"created_at"?: string,"dimensions"?: number | null,"edge_id"?: never,"embedding"?: string | null,"entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"id"?: string,"model"?: string | null,"organization_id"?: string,"stale_since"?: string | null,"taxonomy_filter"?: NonNullable<Json>,"text_hash"?: string | null,"updated_at"?: string,"vector_db"?: string,"vector_key"?: string | null
                  }
                  Update: {
                    "block_id"?: never,"created_at"?: string,"dimensions"?: number | null,"edge_id"?: never,"embedding"?: string | null,"entity_id"?: string,"entity_type"?: Database["public"]['Enums']["registry_entity"],"id"?: string,"model"?: string | null,"organization_id"?: string,"stale_since"?: string | null,"taxonomy_filter"?: NonNullable<Json>,"text_hash"?: string | null,"updated_at"?: string,"vector_db"?: string,"vector_key"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "vector_representations_block_id_organization_id_fkey"
      columns: ["block_id","organization_id"]
isOneToOne: false
      referencedRelation: "blocks"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "vector_representations_edge_id_organization_id_fkey"
      columns: ["edge_id","organization_id"]
isOneToOne: false
      referencedRelation: "edges"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "vector_representations_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"webhook_deliveries": {
                  Row: {
                    "created_at": string,"delivery_id": string,"id": string,"organization_id": string,"run_id": string | null,"trigger_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"delivery_id": string,"id"?: string,"organization_id"?: string,"run_id"?: string | null,"trigger_id": string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"delivery_id"?: string,"id"?: string,"organization_id"?: string,"run_id"?: string | null,"trigger_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "webhook_deliveries_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "webhook_deliveries_run_id_fkey"
      columns: ["run_id"]
isOneToOne: false
      referencedRelation: "pipeline_runs"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "webhook_deliveries_trigger_id_organization_id_fkey"
      columns: ["trigger_id","organization_id"]
isOneToOne: false
      referencedRelation: "pipeline_triggers"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"workers": {
                  Row: {
                    "created_at": string,"heartbeat_at": string,"id": string,"lease_seconds": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"heartbeat_at": string,"id": string,"lease_seconds"?: number,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"heartbeat_at"?: string,"id"?: string,"lease_seconds"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    
                  ]
                }
          }
          Views: {
            "entity_dependencies": {
                  Row: {
                    "created_at": string | null,"dependency_detail": string | null,"dependency_type": Database["public"]['Enums']["dependency_type"] | null,"depends_on_id": string | null,"depends_on_name": string | null,"depends_on_type": Database["public"]['Enums']["registry_entity"] | null,"entity_id": string | null,"entity_type": Database["public"]['Enums']["registry_entity"] | null,"id": string | null,"organization_id": string | null,"package_name": string | null,"package_version": string | null,"pipeline_ids": (string)[] | null,"source": string | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                }
          }
          Functions: {
            "activate_block_version":
{ Args: { "block_id": string,"version_number": number }; Returns: Json
                           },
"activate_edge_version":
{ Args: { "edge_id": string,"version_number": number }; Returns: Json
                           },
"audit_stats":
{ Args: { "bucket": string,"organization_id": string,"since": string,"until": string }; Returns: Json
                           },
"begin_dagster_step":
{ Args: { "block_id": string,"external_id": string,"lease_seconds"?: number,"organization_id"?: string,"run_id": string,"worker_id"?: string }; Returns: Json
                           },
"begin_idempotent_request":
{ Args: { "key": string,"operation": string,"request_hash": string }; Returns: Json
                           },
"begin_turn":
{ Args: { "request": Json }; Returns: Json
                           },
"cancel_run":
{ Args: { "run_id": string }; Returns: {
              "api_key_id": string | null,
"created_at": string,
"created_by": string | null,
"definition": NonNullable<Json>,
"error": Json | null,
"executor": Database["public"]['Enums']["pipeline_executor"],
"external_id": string | null,
"finished_at": string | null,
"from_block_id": string | null,
"id": string,
"idempotency_key": string | null,
"input": Json | null,
"organization_id": string,
"output": Json | null,
"parent_run_id": string | null,
"pipeline_id": string,
"priority": number,
"started_at": string | null,
"status": Database["public"]['Enums']["run_status"],
"trigger": Database["public"]['Enums']["run_trigger"],
"trigger_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "pipeline_runs"
        isOneToOne: true
        isSetofReturn: false
      } },
"check_worker_token":
{ Args: { "token_hash": string }; Returns: boolean
                           },
"claim_dagster_runs":
{ Args: { "max_runs": number }; Returns: Json
                           },
"claim_deliveries":
{ Args: { "lease_seconds"?: number,"max_deliveries": number }; Returns: Json
                           },
"claim_schedules":
{ Args: { "claim_seconds"?: number,"max_triggers": number }; Returns: Json
                           },
"claim_steps":
{ Args: { "is_idle"?: boolean,"lease_seconds"?: number,"max_steps": number,"worker_id": string }; Returns: Json
                           },
"connect_dagster":
{ Args: { "location": string,"repository": string,"url": string }; Returns: {
              "created_at": string,
"id": string,
"is_active": boolean,
"location": string,
"repository": string,
"updated_at": string,
"url": string
            }
                          SetofOptions: {
        from: "*"
        to: "dagster_access"
        isOneToOne: true
        isSetofReturn: false
      } },
"create_block":
{ Args: { "block_type": Database["public"]['Enums']["block_type"],"description"?: string,"metadata"?: Json,"name": string,"organization_id"?: string,"spec": Json }; Returns: Json
                           },
"create_edge":
{ Args: { "description"?: string,"metadata"?: Json,"name": string,"organization_id"?: string,"spec": Json }; Returns: Json
                           },
"create_endpoint":
{ Args: { "endpoint": Json,"endpoint_id": string,"organization_id": string,"secret": Json }; Returns: {
              "created_at": string,
"created_by": string | null,
"description": string | null,
"disabled_at": string | null,
"disabled_reason": Database["public"]['Enums']["endpoint_disabled_reason"] | null,
"events": (string)[],
"failing_since": string | null,
"id": string,
"is_active": boolean,
"organization_id": string,
"pipeline_id": string | null,
"updated_at": string,
"url": string
            }
                          SetofOptions: {
        from: "*"
        to: "pipeline_endpoints"
        isOneToOne: true
        isSetofReturn: false
      } },
"create_organization":
{ Args: { "name": string,"slug": string }; Returns: {
              "audit_retention_days": number,
"created_at": string,
"created_by": string | null,
"id": string,
"kind": Database["public"]['Enums']["organization_kind"],
"max_concurrent_steps": number | null,
"member_count": number,
"name": string,
"revision": number,
"settings": NonNullable<Json>,
"slug": string,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "organizations"
        isOneToOne: true
        isSetofReturn: false
      } },
"create_pipeline":
{ Args: { "blocks"?: Json,"dagster_pipeline_config"?: Json,"description"?: string,"edges"?: Json,"executor"?: Database["public"]['Enums']["pipeline_executor"],"max_concurrent_steps"?: number,"name": string,"organization_id"?: string,"status"?: Database["public"]['Enums']["pipeline_status"] }; Returns: Json
                           },
"create_webhook_trigger":
{ Args: { "pipeline_id": string,"scheme": Database["public"]['Enums']["webhook_scheme"],"secret"?: Json,"trigger_id": string }; Returns: {
              "api_key_id": string | null,
"catch_up": Database["public"]['Enums']["catch_up_policy"] | null,
"claimed_until": string | null,
"created_at": string,
"created_by": string,
"deactivation_reason": string | null,
"expression": string | null,
"id": string,
"input": Json | null,
"is_active": boolean,
"last_triggered_at": string | null,
"next_fire_at": string | null,
"organization_id": string,
"overlap": Database["public"]['Enums']["overlap_policy"] | null,
"pipeline_id": string,
"scheme": Database["public"]['Enums']["webhook_scheme"] | null,
"timezone": string | null,
"type": Database["public"]['Enums']["pipeline_trigger_type"],
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "pipeline_triggers"
        isOneToOne: true
        isSetofReturn: false
      } },
"discard_turn":
{ Args: { "turn_id": string }; Returns: boolean
                           },
"end_idempotent_request":
{ Args: { "key": string,"operation": string,"response"?: Json,"status_code"?: number }; Returns: undefined
                           },
"find_model_price":
{ Args: { "input_tokens"?: number,"model": string,"organization_id": string,"provider": string }; Returns: {
              "above_input_tokens": number,
"as_of": string,
"cached_input_price": number | null,
"created_at": string,
"id": string,
"input_price": number,
"model": string,
"organization_id": string | null,
"output_price": number,
"provider": string,
"reasoning_price": number | null,
"source": string | null,
"updated_at": string,
"variants": (string)[]
            }
                          SetofOptions: {
        from: "*"
        to: "model_prices"
        isOneToOne: true
        isSetofReturn: true
      } },
"find_webhook":
{ Args: { "trigger_id": string }; Returns: Json
                           },
"finish_delivery":
{ Args: { "attempt": number,"delivery_id": string,"outcome": Json }; Returns: boolean
                           },
"finish_steps":
{ Args: { "results": Json,"worker_id": string }; Returns: Json
                           },
"finish_turn":
{ Args: { "request": Json }; Returns: Json
                           },
"fire_schedule":
{ Args: { "due": string,"firing": Json,"trigger_id": string }; Returns: boolean
                           },
"get_assistant":
{ Args: { "assistant_id": string }; Returns: Json
                           },
"get_assistant_for_use":
{ Args: { "assistant_id": string }; Returns: Json
                           },
"get_assistant_stats":
{ Args: { "assistant_id": string,"since": string,"until": string }; Returns: Json
                           },
"get_block_taxonomy":
{ Args: { "block_id": string }; Returns: Json
                           },
"get_budget_statuses":
{ Args: { "budget_ids": (string)[] }; Returns: {
              "id": string,"period_started_at": string,"remaining_usd": number,"reserved_usd": number,"resets_at": string,"spent_usd": number
            }[]
                           },
"get_impact":
{ Args: { "entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"max_depth"?: number }; Returns: Json
                           },
"get_pipeline":
{ Args: { "pipeline_id": string }; Returns: Json
                           },
"get_project_schema":
{ Args: { "project_uuid": string }; Returns: Json
                           },
"get_public_assistant_for_use":
{ Args: { "assistant_id": string }; Returns: Json
                           },
"get_run":
{ Args: { "run_id": string }; Returns: Json
                           },
"get_user_projects":
{ Args: { "organization_uuid"?: string }; Returns: {
              "column_count": number,"created_at": string,"created_by": string,"description": string,"id": string,"name": string,"organization_id": string,"table_count": number,"updated_at": string
            }[]
                           },
"heartbeat_worker":
{ Args: { "held"?: (string)[],"worker_id": string }; Returns: (string)[]
                           },
"list_assistants":
{ Args: { "after_created_at"?: string,"after_id"?: string,"filters"?: Json,"max_rows"?: number,"organization_id": string }; Returns: Json
                           },
"list_dagster_jobs":
{ Args: { "max_each": number,"max_jobs": number,"of_deployment": boolean,"since": string }; Returns: {
              "created_at": string,
"definition": NonNullable<Json>,
"id": string,
"last_used_at": string,
"name": string,
"organization_id": string,
"pipeline_id": string,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "dagster_jobs"
        isOneToOne: false
        isSetofReturn: true
      } },
"list_messages":
{ Args: { "after"?: number,"conversation_id": string,"is_export"?: boolean,"is_whole"?: boolean,"leaf_id"?: string,"newest_first"?: boolean,"page_size"?: number }; Returns: Json
                           },
"list_public_assistants":
{ Args: { "after_created_at"?: string,"after_id"?: string,"filters"?: Json,"max_rows"?: number }; Returns: Json
                           },
"list_run_events":
{ Args: { "after"?: string,"max_events"?: number,"run_id": string }; Returns: Json
                           },
"list_taxonomy":
{ Args: { "organization_id"?: string }; Returns: Json
                           },
"log_audit_read":
{ Args: { "filters": Json,"minimum_role"?: Database["public"]['Enums']["membership_role"],"organization_id"?: string }; Returns: undefined
                           },
"log_provider_key_read":
{ Args: { "key_id": string }; Returns: undefined
                           },
"note_provider_verdict":
{ Args: { "ciphertext": string,"key_id": string,"verified": boolean }; Returns: undefined
                           },
"put_provider_key":
{ Args: { "is_own": boolean,"key": Json,"key_id": string,"organization_id": string }; Returns: string
                           },
"rate_assistant":
{ Args: { "assistant_id": string,"comment"?: string,"rating": number }; Returns: {
              "assistant_id": string,
"comment": string | null,
"created_at": string,
"id": string,
"organization_id": string,
"rating": number,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "assistant_ratings"
        isOneToOne: true
        isSetofReturn: false
      } },
"receive_delivery":
{ Args: { "delivery": Json,"trigger_id": string }; Returns: {
              "api_key_id": string | null,
"created_at": string,
"created_by": string | null,
"definition": NonNullable<Json>,
"error": Json | null,
"executor": Database["public"]['Enums']["pipeline_executor"],
"external_id": string | null,
"finished_at": string | null,
"from_block_id": string | null,
"id": string,
"idempotency_key": string | null,
"input": Json | null,
"organization_id": string,
"output": Json | null,
"parent_run_id": string | null,
"pipeline_id": string,
"priority": number,
"started_at": string | null,
"status": Database["public"]['Enums']["run_status"],
"trigger": Database["public"]['Enums']["run_trigger"],
"trigger_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "pipeline_runs"
        isOneToOne: true
        isSetofReturn: false
      } },
"record_dagster_run":
{ Args: { "poll": number,"report": Json,"run_id": string }; Returns: Json
                           },
"redeliver":
{ Args: { "delivery_id": string,"endpoint_id": string }; Returns: undefined
                           },
"replace_secrets":
{ Args: { "secrets": Json }; Returns: number
                           },
"reserve_usage":
{ Args: { "request": Json }; Returns: Json
                           },
"retry_run":
{ Args: { "run_id": string,"start_at"?: string }; Returns: {
              "api_key_id": string | null,
"created_at": string,
"created_by": string | null,
"definition": NonNullable<Json>,
"error": Json | null,
"executor": Database["public"]['Enums']["pipeline_executor"],
"external_id": string | null,
"finished_at": string | null,
"from_block_id": string | null,
"id": string,
"idempotency_key": string | null,
"input": Json | null,
"organization_id": string,
"output": Json | null,
"parent_run_id": string | null,
"pipeline_id": string,
"priority": number,
"started_at": string | null,
"status": Database["public"]['Enums']["run_status"],
"trigger": Database["public"]['Enums']["run_trigger"],
"trigger_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "pipeline_runs"
        isOneToOne: true
        isSetofReturn: false
      } },
"review_assistant":
{ Args: { "action": string,"assistant_id": string,"expected_revision"?: number,"note"?: string }; Returns: Json
                           },
"rotate_api_key":
{ Args: { "grace_seconds"?: number,"key_id": string,"replacement": Json }; Returns: string
                           },
"rotate_endpoint_secret":
{ Args: { "endpoint_id": string,"grace_seconds"?: number,"secret": Json }; Returns: undefined
                           },
"save_representations":
{ Args: { "items": Json,"model": string }; Returns: number
                           },
"search_audit_logs":
{ Args: { "filters"?: Json,"oldest_first"?: boolean,"organization_id": string,"page_size"?: number }; Returns: {
              "action_type": Database["public"]['Enums']["audit_action"],
"actor_id": string | null,
"actor_type": Database["public"]['Enums']["audit_actor"],
"api_key_id": string | null,
"details": NonNullable<Json>,
"entity_id": string | null,
"entity_name": string | null,
"entity_type": string,
"id": string,
"ip_address": unknown,
"occurred_at": string,
"organization_id": string | null,
"request_id": string | null,
"user_agent": string | null
            }[]
                          SetofOptions: {
        from: "*"
        to: "audit_logs"
        isOneToOne: false
        isSetofReturn: true
      } },
"search_messages":
{ Args: { "filters"?: Json,"organization_id"?: string,"page_size"?: number,"q": string }; Returns: {
              "conversation_id": string,"conversation_title": string,"created_at": string,"id": string,"matched": string,"role": Database["public"]['Enums']["message_role"],"score": number,"snippet": string
            }[]
                           },
"search_registry":
{ Args: { "category"?: string,"embedding"?: (number)[],"model"?: string,"organization_id"?: string,"q": string,"type"?: string }; Returns: {
              "block_type": Database["public"]['Enums']["block_type"],"created_at": string,"description": string,"entity_type": Database["public"]['Enums']["registry_entity"],"id": string,"matched": (string)[],"name": string,"score": number,"updated_at": string
            }[]
                           },
"set_block_taxonomy":
{ Args: { "block_id": string,"category_ids": (string)[] }; Returns: Json
                           },
"settle_usage":
{ Args: { "outcome": Json,"reservation_id": string }; Returns: Json
                           },
"stale_representations":
{ Args: { "max_rows"?: number,"model": string }; Returns: {
              "content": string,"entity_id": string,"entity_type": Database["public"]['Enums']["registry_entity"],"organization_id": string,"text_hash": string
            }[]
                           },
"stale_secrets":
{ Args: { "after"?: string,"batch_size"?: number,"newest": number }; Returns: {
              "ciphertext": string,"id": string,"key_version": number,"organization_id": string,"table_name": string
            }[]
                           },
"start_queued_firings":
{ Args: { "max_triggers": number }; Returns: number
                           },
"start_run":
{ Args: { "idempotency_key"?: string,"pipeline_id": string,"request"?: Json }; Returns: {
              "api_key_id": string | null,
"created_at": string,
"created_by": string | null,
"definition": NonNullable<Json>,
"error": Json | null,
"executor": Database["public"]['Enums']["pipeline_executor"],
"external_id": string | null,
"finished_at": string | null,
"from_block_id": string | null,
"id": string,
"idempotency_key": string | null,
"input": Json | null,
"organization_id": string,
"output": Json | null,
"parent_run_id": string | null,
"pipeline_id": string,
"priority": number,
"started_at": string | null,
"status": Database["public"]['Enums']["run_status"],
"trigger": Database["public"]['Enums']["run_trigger"],
"trigger_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "pipeline_runs"
        isOneToOne: true
        isSetofReturn: false
      } },
"switch_off_trigger":
{ Args: { "reason": string,"trigger_id": string }; Returns: undefined
                           },
"test_endpoint":
{ Args: { "endpoint_id": string }; Returns: string
                           },
"update_pipeline":
{ Args: { "blocks"?: Json,"changes": Json,"edges"?: Json,"expected_revision"?: number,"pipeline_id": string }; Returns: Json
                           },
"usage_report":
{ Args: { "by_model"?: boolean,"filters": Json,"group_by": string,"max_groups"?: number,"organization_id": string,"since": string,"until": string }; Returns: Json
                           },
"validate_project_ownership":
{ Args: { "project_uuid": string }; Returns: boolean
                           },
"verify_api_key":
{ Args: { "cost"?: number,"hash": string,"organization_id"?: string,"scope"?: string }; Returns: Json
                           },
"verify_audit_seals":
{ Args: { "after_sequence"?: number,"max_rows"?: number,"organization_id": string }; Returns: Json
                           },
"write_table_rows":
{ Args: { "mode"?: string,"on_conflict"?: string,"rows": Json,"step_id": string,"table_name": string }; Returns: Json
                           }
          }
          Enums: {
            "assistant_access": "team"|"organization"|"public","assistant_approval": "draft"|"pending"|"approved"|"rejected","assistant_status": "active"|"inactive"|"pending"|"suspended","audit_action": "CREATE"|"READ"|"UPDATE"|"DELETE","audit_actor": "user"|"api_key"|"service"|"system","block_type": "dataset"|"model","budget_period": "day"|"month","build_status": "pending"|"success"|"failed","catch_up_policy": "none"|"one"|"all","conversation_status": "active"|"completed"|"archived","dependency_type": "internal"|"external","endpoint_delivery_status": "pending"|"sending"|"waiting"|"succeeded"|"failed","endpoint_disabled_reason": "manual"|"gone"|"failing","firing_status": "queued"|"started"|"skipped"|"failed","membership_role": "member"|"admin"|"owner","membership_status": "invited"|"active"|"suspended","message_role": "system"|"user"|"assistant"|"tool","message_status": "complete"|"partial"|"failed","organization_kind": "personal"|"team","overlap_policy": "skip"|"queue"|"cancel","pipeline_executor": "edge"|"dagster","pipeline_status": "draft"|"active"|"archived","pipeline_trigger_type": "webhook"|"cron","platform_role": "developer"|"super_admin","profile_status": "active"|"inactive"|"suspended","registry_entity": "block"|"edge","relationship_type": "one-to-one"|"one-to-many"|"many-to-one"|"many-to-many","review_action": "submit"|"approve"|"reject"|"reopen","risk_level": "low"|"medium"|"high","run_status": "queued"|"running"|"succeeded"|"failed"|"canceling"|"canceled","run_trigger": "manual"|"webhook"|"cron"|"retry","step_status": "blocked"|"ready"|"running"|"succeeded"|"failed"|"skipped"|"canceled","tool_approval": "never"|"always","usage_key_level": "user"|"organization"|"platform","usage_operation": "chat"|"embedding"|"title","usage_scope": "organization"|"user"|"assistant"|"key"|"platform","usage_status": "succeeded"|"failed"|"partial"|"canceled","verification_status": "pending"|"passed"|"failed","webhook_scheme": "standard"|"github"|"stripe"|"hmac"|"none"
          }
          CompositeTypes: {
            [_ in never]: never
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            "assistant_access": ["team", "organization", "public"],"assistant_approval": ["draft", "pending", "approved", "rejected"],"assistant_status": ["active", "inactive", "pending", "suspended"],"audit_action": ["CREATE", "READ", "UPDATE", "DELETE"],"audit_actor": ["user", "api_key", "service", "system"],"block_type": ["dataset", "model"],"budget_period": ["day", "month"],"build_status": ["pending", "success", "failed"],"catch_up_policy": ["none", "one", "all"],"conversation_status": ["active", "completed", "archived"],"dependency_type": ["internal", "external"],"endpoint_delivery_status": ["pending", "sending", "waiting", "succeeded", "failed"],"endpoint_disabled_reason": ["manual", "gone", "failing"],"firing_status": ["queued", "started", "skipped", "failed"],"membership_role": ["member", "admin", "owner"],"membership_status": ["invited", "active", "suspended"],"message_role": ["system", "user", "assistant", "tool"],"message_status": ["complete", "partial", "failed"],"organization_kind": ["personal", "team"],"overlap_policy": ["skip", "queue", "cancel"],"pipeline_executor": ["edge", "dagster"],"pipeline_status": ["draft", "active", "archived"],"pipeline_trigger_type": ["webhook", "cron"],"platform_role": ["developer", "super_admin"],"profile_status": ["active", "inactive", "suspended"],"registry_entity": ["block", "edge"],"relationship_type": ["one-to-one", "one-to-many", "many-to-one", "many-to-many"],"review_action": ["submit", "approve", "reject", "reopen"],"risk_level": ["low", "medium", "high"],"run_status": ["queued", "running", "succeeded", "failed", "canceling", "canceled"],"run_trigger": ["manual", "webhook", "cron", "retry"],"step_status": ["blocked", "ready", "running", "succeeded", "failed", "skipped", "canceled"],"tool_approval": ["never", "always"],"usage_key_level": ["user", "organization", "platform"],"usage_operation": ["chat", "embedding", "title"],"usage_scope": ["organization", "user", "assistant", "key", "platform"],"usage_status": ["succeeded", "failed", "partial", "canceled"],"verification_status": ["pending", "passed", "failed"],"webhook_scheme": ["standard", "github", "stripe", "hmac", "none"]
          }
        }
} as const
