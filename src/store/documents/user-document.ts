import { modelOptions, prop } from '@typegoose/typegoose';
import type { Role } from '../../domain/user';

/** How a user is kept. */
@modelOptions({ schemaOptions: { collection: 'users', versionKey: false, strict: 'throw' } })
export class UserDocument {
  @prop({ type: () => String, required: true })
  _id!: string;

  @prop({ type: () => String, required: true })
  email!: string;

  @prop({ type: () => String, required: true })
  passwordHash!: string;

  @prop({ type: () => String, required: true })
  role!: Role;

  @prop({ type: () => Boolean, required: true })
  disabled!: boolean;

  @prop({ type: () => Date, required: true })
  createdAt!: Date;

  @prop({ type: () => Date, default: null })
  lastLoginAt!: Date | null;

  @prop({ type: () => Number })
  adminChange?: number;
}
