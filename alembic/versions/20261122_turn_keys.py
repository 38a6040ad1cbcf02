"""the API key that a turn was begun with"""

import sqlalchemy as sa
from alembic import op


revision = '7d3e9b0c52f1'
down_revision = '5d2e8c41b7a3'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('ai_turn') as batch:
        batch.add_column(sa.Column('api_key', sa.String(length=16), nullable=False, server_default=''))


def downgrade() -> None:
    with op.batch_alter_table('ai_turn') as batch:
        batch.drop_column('api_key')
