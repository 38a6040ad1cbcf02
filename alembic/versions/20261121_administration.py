"""administration"""

import sqlalchemy as sa
from alembic import op


revision = 'e2ac7df1ef12'
down_revision = '13059c161ee3'
branch_labels = None
depends_on = None


# What the audit log is searched by (backend/services/audit_search.py): everything a person reads in a row, and a word
# each for what it is filtered by, so that a common word and a rare filter meet in the index.
_WORDS = (
    "{row}actor_name || ' ' || {row}action || ' ' || {row}target_type || ' ' || {row}target_id || ' ' || {row}message"
    " || ' ' || {row}ip || ' ' || {row}via || ' xuser' || coalesce({row}user_id, 0)"
    " || CASE WHEN {row}success THEN ' xdone' ELSE ' xrefused' END"
)
# PostgreSQL's parser takes addresses, paths and numbers apart in ways of its own: it is given plain words.
_SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~“”‘’„…–—→←·×"


def _index_the_audit_log() -> None:
    op.drop_index('ix_audit_log_target', 'audit_log')
    op.create_index('ix_audit_log_target', 'audit_log', ['target_type', 'target_id', 'created_at'])
    op.create_index('ix_audit_log_success_created', 'audit_log', ['success', 'created_at'])
    op.create_index('ix_audit_log_via_created', 'audit_log', ['via', 'created_at'])
    if op.get_bind().dialect.name == 'postgresql':
        signs, blanks = _SIGNS.replace("'", "''"), ' ' * len(_SIGNS)
        vector = f"to_tsvector('simple', translate({_WORDS.format(row='')}, '{signs}', '{blanks}'))"
        vector = vector.replace('%', '%%')  # else the driver takes it for the place of a parameter
        op.get_bind().exec_driver_sql(
            f"ALTER TABLE audit_log ADD COLUMN words tsvector GENERATED ALWAYS AS ({vector}) STORED", ()
        )
        op.execute("CREATE INDEX ix_audit_log_words ON audit_log USING gin (words) WITH (fastupdate = off)")
        return
    op.execute(
        "CREATE VIRTUAL TABLE audit_search USING fts5(words, content='', detail=none, columnsize=0, "
        "prefix='2 3', tokenize='unicode61 remove_diacritics 0')"
    )
    put = f"INSERT INTO audit_search (rowid, words) VALUES (new.id, {_WORDS.format(row='new.')});"
    take = f"INSERT INTO audit_search (audit_search, rowid, words) VALUES ('delete', old.id, {_WORDS.format(row='old.')});"
    op.execute(f"CREATE TRIGGER audit_log_put AFTER INSERT ON audit_log BEGIN {put} END")
    op.execute(f"CREATE TRIGGER audit_log_take AFTER DELETE ON audit_log BEGIN {take} END")
    op.execute(f"CREATE TRIGGER audit_log_change AFTER UPDATE ON audit_log BEGIN {take} {put} END")
    op.execute(f"INSERT INTO audit_search (rowid, words) SELECT id, {_WORDS.format(row='')} FROM audit_log")


def _forget_the_index_of_the_audit_log() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("ALTER TABLE audit_log DROP COLUMN words")
    else:
        for name in ('put', 'take', 'change'):
            op.execute(f"DROP TRIGGER audit_log_{name}")
        op.execute("DROP TABLE audit_search")
    for name in ('target', 'success_created', 'via_created'):
        op.drop_index(f'ix_audit_log_{name}', 'audit_log')
    op.create_index('ix_audit_log_target', 'audit_log', ['target_type', 'target_id'])


def upgrade() -> None:
    op.create_table('audit_chain',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('first_id', sa.Integer(), nullable=False),
    sa.Column('before_first', sa.String(length=64), nullable=False),
    sa.Column('last_id', sa.Integer(), nullable=False),
    sa.Column('last_hash', sa.String(length=64), nullable=False),
    sa.Column('seal', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('api_key',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('prefix', sa.String(length=16), nullable=False),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('scope', sa.String(length=8), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_ip', sa.String(length=64), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('api_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_api_key_prefix'), ['prefix'], unique=True)
        batch_op.create_index(batch_op.f('ix_api_key_user_id'), ['user_id'], unique=False)

    op.create_table('config',
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('description', sa.String(length=300), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['updated_by_id'], ['user_account.id'], ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('external_identity',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('issuer', sa.String(length=300), nullable=False),
    sa.Column('subject', sa.String(length=255), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_login_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('issuer', 'subject')
    )
    with op.batch_alter_table('external_identity', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_external_identity_user_id'), ['user_id'], unique=False)

    op.create_table('file_template',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('slug', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('description', sa.String(length=500), nullable=False),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.Column('owner_id', sa.Integer(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['owner_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('file_template', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_file_template_owner_id'), ['owner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_file_template_slug'), ['slug'], unique=True)

    op.create_table('recovery_code',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('code_hash', sa.String(length=64), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('recovery_code', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_recovery_code_user_id'), ['user_id'], unique=False)

    op.create_table('shipped_template',
    sa.Column('slug', sa.String(length=64), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('slug')
    )
    op.create_table('ssh_key',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('public_key', sa.String(length=1000), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('fingerprint')
    )
    with op.batch_alter_table('ssh_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ssh_key_user_id'), ['user_id'], unique=False)

    op.create_table('team',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('description', sa.String(length=300), nullable=False),
    sa.Column('owner_id', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['owner_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name')
    )
    with op.batch_alter_table('team', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_team_owner_id'), ['owner_id'], unique=False)

    op.create_table('webhook',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('url', sa.String(length=500), nullable=False),
    sa.Column('secret_sealed', sa.String(length=400), nullable=False),
    sa.Column('kinds', sa.JSON(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('webhook', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhook_user_id'), ['user_id'], unique=False)

    op.create_table('file_template_item',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('template_id', sa.Integer(), nullable=False),
    sa.Column('path', sa.String(length=255), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('mode', sa.Integer(), nullable=False),
    sa.Column('order', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['template_id'], ['file_template.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('template_id', 'path')
    )
    with op.batch_alter_table('file_template_item', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_file_template_item_template_id'), ['template_id'], unique=False)

    op.create_table('invitation',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('team_role', sa.String(length=16), nullable=False),
    sa.Column('invited_by_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('accepted_by_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['accepted_by_id'], ['user_account.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['invited_by_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('invitation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_invitation_team_id'), ['team_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_invitation_token_hash'), ['token_hash'], unique=True)

    op.create_table('team_membership',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('team_id', 'user_id')
    )
    with op.batch_alter_table('team_membership', schema=None) as batch_op:
        batch_op.create_index('ix_team_membership_team_active', ['team_id', 'active'], unique=False)
        batch_op.create_index('ix_team_membership_user_active', ['user_id', 'active'], unique=False)

    op.create_table('webhook_delivery',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('webhook_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('payload', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('response_status', sa.Integer(), nullable=True),
    sa.Column('outcome', sa.String(length=300), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhook.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('webhook_delivery', schema=None) as batch_op:
        batch_op.create_index('ix_webhook_delivery_due', ['state', 'next_try_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_webhook_delivery_webhook_id'), ['webhook_id'], unique=False)

    op.create_table('ai_usage_log',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('container_id', sa.Integer(), nullable=True),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('response', sa.Text(), nullable=False),
    sa.Column('model', sa.String(length=100), nullable=False),
    sa.Column('prompt_tokens', sa.Integer(), nullable=False),
    sa.Column('completion_tokens', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('ai_usage_log', schema=None) as batch_op:
        batch_op.create_index('ix_ai_usage_log_container_created', ['container_id', 'created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ai_usage_log_created_at'), ['created_at'], unique=False)
        batch_op.create_index('ix_ai_usage_log_user_created', ['user_id', 'created_at'], unique=False)

    op.create_table('container_schedule',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('container_id', sa.Integer(), nullable=False),
    sa.Column('desired_state', sa.Enum('running', 'stopped', name='desiredstate', native_enum=False, length=16), nullable=False),
    sa.Column('weekdays', sa.String(length=7), nullable=False),
    sa.Column('minute_of_day', sa.Integer(), nullable=False),
    sa.Column('time_zone', sa.String(length=64), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('container_schedule', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_container_schedule_container_id'), ['container_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_container_schedule_next_at'), ['next_at'], unique=False)

    op.create_table('container_share',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('container_id', sa.Integer(), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('(team_id IS NULL) <> (user_id IS NULL)', name='ck_container_share_one_target'),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('container_id', 'team_id'),
    sa.UniqueConstraint('container_id', 'user_id')
    )
    with op.batch_alter_table('container_share', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_container_share_container_id'), ['container_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_container_share_team_id'), ['team_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_container_share_user_id'), ['user_id'], unique=False)

    op.create_table('notification',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('text', sa.String(length=1000), nullable=False),
    sa.Column('link', sa.String(length=300), nullable=False),
    sa.Column('container_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('notification', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notification_container_id'), ['container_id'], unique=False)
        batch_op.create_index('ix_notification_user_created', ['user_id', 'created_at'], unique=False)

    with op.batch_alter_table('audit_log', schema=None) as batch_op:
        batch_op.add_column(sa.Column('actor_name', sa.String(length=64), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('private_digest', sa.String(length=64), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('erased_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('hash', sa.String(length=64), nullable=False, server_default=''))

    with op.batch_alter_table('container', schema=None) as batch_op:
        batch_op.add_column(sa.Column('memory_mb_override', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('vcpus_override', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('disk_gib_override', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('move_to_node_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('disk_made_gib', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('last_step', sa.String(length=32), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('last_step_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('last_active_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('expiry_warned_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('move_way', sa.String(length=16), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('move_disk', sa.String(length=80), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('move_reason', sa.String(length=500), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('move_after', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('moves', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('disk', sa.String(length=80), nullable=False, server_default=''))
        batch_op.create_foreign_key('fk_container_move_to_node', 'node', ['move_to_node_id'], ['id'])

    with op.batch_alter_table('container_type', schema=None) as batch_op:
        batch_op.add_column(sa.Column('idle_stop_min', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('lifetime_h', sa.Integer(), nullable=False, server_default='0'))

    with op.batch_alter_table('node', schema=None) as batch_op:
        batch_op.add_column(sa.Column('draining', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('host_id', sa.String(length=64), nullable=False, server_default=''))

    op.create_table('leftover',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('node_id', sa.Integer(), nullable=False),
    sa.Column('domain', sa.String(length=80), nullable=False),
    sa.Column('disk', sa.String(length=80), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['node_id'], ['node.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('leftover', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_leftover_node_id'), ['node_id'], unique=False)

    with op.batch_alter_table('resource_quota', schema=None) as batch_op:
        batch_op.add_column(sa.Column('max_containers', sa.Integer(), nullable=False, server_default='20'))

    with op.batch_alter_table('user_account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('display_name', sa.String(length=100), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('must_change_password', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('totp_secret_sealed', sa.String(length=400), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('totp_enabled_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('totp_last_step', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('delete_requested_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('last_login_at', sa.DateTime(timezone=True), nullable=True))

    op.create_index('ux_user_account_username_lower', 'user_account', [sa.text('lower(username)')], unique=True)

    op.execute('UPDATE container SET disk_made_gib = disk_gib WHERE has_disk')
    # The chain of the audit log begins after what was written before there was one.
    op.execute(
        "INSERT INTO audit_chain (id, first_id, before_first, last_id, last_hash, seal) "
        "SELECT 1, coalesce(max(id), 0) + 1, '', coalesce(max(id), 0), '', '' FROM audit_log"
    )
    _index_the_audit_log()


def downgrade() -> None:
    _forget_the_index_of_the_audit_log()
    op.drop_index('ux_user_account_username_lower', 'user_account')
    with op.batch_alter_table('user_account', schema=None) as batch_op:
        batch_op.drop_column('last_login_at')
        batch_op.drop_column('delete_requested_at')
        batch_op.drop_column('totp_last_step')
        batch_op.drop_column('totp_enabled_at')
        batch_op.drop_column('totp_secret_sealed')
        batch_op.drop_column('must_change_password')
        batch_op.drop_column('display_name')

    with op.batch_alter_table('resource_quota', schema=None) as batch_op:
        batch_op.drop_column('max_containers')

    op.drop_table('leftover')

    with op.batch_alter_table('node', schema=None) as batch_op:
        batch_op.drop_column('host_id')
        batch_op.drop_column('draining')

    with op.batch_alter_table('container_type', schema=None) as batch_op:
        batch_op.drop_column('lifetime_h')
        batch_op.drop_column('idle_stop_min')

    with op.batch_alter_table('container', schema=None) as batch_op:
        batch_op.drop_constraint('fk_container_move_to_node', type_='foreignkey')
        batch_op.drop_column('disk')
        batch_op.drop_column('moves')
        batch_op.drop_column('move_after')
        batch_op.drop_column('move_reason')
        batch_op.drop_column('move_disk')
        batch_op.drop_column('move_way')
        batch_op.drop_column('expiry_warned_at')
        batch_op.drop_column('expires_at')
        batch_op.drop_column('last_active_at')
        batch_op.drop_column('last_step_at')
        batch_op.drop_column('last_step')
        batch_op.drop_column('disk_made_gib')
        batch_op.drop_column('move_to_node_id')
        batch_op.drop_column('disk_gib_override')
        batch_op.drop_column('vcpus_override')
        batch_op.drop_column('memory_mb_override')

    with op.batch_alter_table('audit_log', schema=None) as batch_op:
        batch_op.drop_column('hash')
        batch_op.drop_column('erased_at')
        batch_op.drop_column('private_digest')
        batch_op.drop_column('actor_name')

    with op.batch_alter_table('notification', schema=None) as batch_op:
        batch_op.drop_index('ix_notification_user_created')
        batch_op.drop_index(batch_op.f('ix_notification_container_id'))

    op.drop_table('notification')
    with op.batch_alter_table('container_share', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_container_share_user_id'))
        batch_op.drop_index(batch_op.f('ix_container_share_team_id'))
        batch_op.drop_index(batch_op.f('ix_container_share_container_id'))

    op.drop_table('container_share')
    with op.batch_alter_table('container_schedule', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_container_schedule_next_at'))
        batch_op.drop_index(batch_op.f('ix_container_schedule_container_id'))

    op.drop_table('container_schedule')
    with op.batch_alter_table('ai_usage_log', schema=None) as batch_op:
        batch_op.drop_index('ix_ai_usage_log_user_created')
        batch_op.drop_index(batch_op.f('ix_ai_usage_log_created_at'))
        batch_op.drop_index('ix_ai_usage_log_container_created')

    op.drop_table('ai_usage_log')
    with op.batch_alter_table('webhook_delivery', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_webhook_delivery_webhook_id'))
        batch_op.drop_index('ix_webhook_delivery_due')

    op.drop_table('webhook_delivery')
    with op.batch_alter_table('team_membership', schema=None) as batch_op:
        batch_op.drop_index('ix_team_membership_user_active')
        batch_op.drop_index('ix_team_membership_team_active')

    op.drop_table('team_membership')
    with op.batch_alter_table('invitation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_invitation_token_hash'))
        batch_op.drop_index(batch_op.f('ix_invitation_team_id'))

    op.drop_table('invitation')
    with op.batch_alter_table('file_template_item', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_file_template_item_template_id'))

    op.drop_table('file_template_item')
    with op.batch_alter_table('webhook', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_webhook_user_id'))

    op.drop_table('webhook')
    with op.batch_alter_table('team', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_team_owner_id'))

    op.drop_table('team')
    with op.batch_alter_table('ssh_key', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ssh_key_user_id'))

    op.drop_table('ssh_key')
    op.drop_table('shipped_template')
    with op.batch_alter_table('recovery_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_recovery_code_user_id'))

    op.drop_table('recovery_code')
    with op.batch_alter_table('file_template', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_file_template_slug'))
        batch_op.drop_index(batch_op.f('ix_file_template_owner_id'))

    op.drop_table('file_template')
    with op.batch_alter_table('external_identity', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_external_identity_user_id'))

    op.drop_table('external_identity')
    op.drop_table('config')
    with op.batch_alter_table('api_key', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_api_key_user_id'))
        batch_op.drop_index(batch_op.f('ix_api_key_prefix'))

    op.drop_table('api_key')
    op.drop_table('audit_chain')
